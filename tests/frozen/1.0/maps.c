/*
 * A plugin of version 1.0: parameters of every kind, all functions of the session and the sink, errors, extensions.
 *
 * Frozen. Whatever version of camtui builds it against the header beside it must describe it, run it and get these maps.
 */
#include "camtui_plugin.h"

#include <stdlib.h>

static const camtui_host *the_host;

static int is(camtui_text text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

/* What each parameter was set to, and the text as a note. */
static camtui_status settings(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                              const camtui_sink *sink) {
    (void)session;
    if (values->count != self->param_count || values->count != 5) return CAMTUI_FAILED;
    const camtui_value *const *value = values->values;
    const float map[6] = {
        (float)value[0]->integer, (float)value[1]->integer, (float)value[2]->number,
        (float)value[3]->integer, (float)value[4]->text.len, (float)value[1]->number,
    };
    for (uint32_t i = 0; i < 5; i++)
        if (value[i]->kind != self->params[i]->kind || value[i]->size < sizeof(camtui_value)) return CAMTUI_FAILED;
    if (!is(value[3]->text, value[3]->integer == 0 ? "black" : "mean")) return CAMTUI_FAILED;
    sink->note(sink, value[4]->text);
    return sink->map(sink, 2, 3, map, 6);
}

/* Grad-CAM: the activation's channels, each weighted by the mean of its gradient. The host rectifies. */
static camtui_status grad_cam(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                              const camtui_sink *sink) {
    (void)self;
    (void)values;
    camtui_tensor a = CAMTUI_TENSOR_INIT, g = CAMTUI_TENSOR_INIT;
    camtui_status status = session->activation(session, session->chosen_layer, &a);
    if (status == CAMTUI_OK) status = session->gradient(session, session->chosen_layer, NULL, CAMTUI_RULE_PLAIN, &g);
    if (status != CAMTUI_OK) {
        sink->error(sink, session->last_error(session));
        return status;
    }
    const uint64_t channels = a.shape[1], area = a.shape[2] * a.shape[3];
    float *map = calloc(area, sizeof *map);
    if (!map) return CAMTUI_FAILED;
    for (uint64_t k = 0; k < channels; k++) {
        double mean = 0;
        for (uint64_t i = 0; i < area; i++) mean += g.data[k * area + i];
        for (uint64_t i = 0; i < area; i++) map[i] += (float)(mean / (double)area) * a.data[k * area + i];
        session->progress(session, (float)(k + 1) / (float)channels);
    }
    status = sink->map(sink, (uint32_t)a.shape[2], (uint32_t)a.shape[3], map, area);
    free(map);
    return status;
}

/* Channels, notes, a layer of its own choice, lines for both logs. */
static camtui_status extras(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                            const camtui_sink *sink) {
    (void)self;
    (void)values;
    const camtui_text names[2] = { CAMTUI_TEXT("mean"), CAMTUI_TEXT("spread") };
    const float one[2] = { 0.25f, -0.5f }, other[3] = { 1, 2, 3 };
    if (sink->layer(sink, 1) != CAMTUI_OK || sink->channel(sink, names[0], 1, 2, one, 2) != CAMTUI_OK ||
        sink->channel(sink, names[1], 3, 1, other, 3) != CAMTUI_OK)
        return CAMTUI_FAILED;
    sink->note(sink, camtui_text_of("first"));
    sink->note(sink, camtui_text_of("second"));
    session->log(session, CAMTUI_LOG_WARNING, camtui_text_of("from the call"));
    the_host->log(the_host, CAMTUI_LOG_INFO, camtui_text_of("from the library"));
    return sink->map(sink, 1, 2, one, 2);
}

/* Each value of the map is 1 if what it stands for is as the header says. */
static camtui_status questions(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                               const camtui_sink *sink) {
    (void)self;
    (void)values;
    float ok[16] = { 0 };
    const uint32_t layer = session->chosen_layer;
    camtui_tensor x = CAMTUI_TENSOR_INIT, y = CAMTUI_TENSOR_INIT, seed = CAMTUI_TENSOR_INIT, a = CAMTUI_TENSOR_INIT;
    camtui_tensor out = CAMTUI_TENSOR_INIT, bias = CAMTUI_TENSOR_INIT;
    camtui_layer facts = CAMTUI_LAYER_INIT;
    uint32_t pooled = 7;
    ok[0] = session->input(session, &x) == CAMTUI_OK && x.rank == 4 && x.shape[0] == 1 && x.shape[1] == 3;
    ok[1] = session->logits(session, &y) == CAMTUI_OK && y.rank == 2 && y.shape[1] == session->classes;
    ok[2] = session->seed(session, &seed) == CAMTUI_OK && seed.data[session->target] == 1.0f;
    ok[3] = session->layer(session, layer, &facts) == CAMTUI_OK && is(facts.name, "pooled") && facts.rank == 3 &&
            facts.shape[0] == 4 && facts.has_gradient == 1;
    ok[4] = session->activation(session, layer, &a) == CAMTUI_OK && a.rank == 4 && a.shape[1] == 4;
    ok[5] = session->gradient(session, layer, &seed, CAMTUI_RULE_GUIDED, &out) == CAMTUI_OK && out.data[0] >= 0.0f;
    ok[6] = session->gradient(session, CAMTUI_IMAGE, NULL, CAMTUI_RULE_PLAIN, &out) == CAMTUI_OK && out.data[0] == 1.0f;
    ok[7] = session->forward(session, &x, &out) == CAMTUI_OK && out.shape[0] == 1 && out.data[1] == -out.data[0];
    ok[8] = session->forward_from(session, layer, &a, &out) == CAMTUI_OK && out.data[0] == y.data[0];
    ok[9] = session->gradient_at(session, &x, layer, &seed, CAMTUI_RULE_PLAIN, &out) == CAMTUI_NOT_SUPPORTED &&
            session->last_error(session).len > 0;
    ok[10] = session->gradient_from(session, layer, &a, &seed, CAMTUI_RULE_PLAIN, &out) == CAMTUI_NOT_SUPPORTED;
    ok[11] = session->layer_bias(session, layer, &out) != CAMTUI_OK && session->last_error(session).len > 0;
    ok[12] = session->linear_head(session, &pooled, &out, &bias) == CAMTUI_OK && pooled == layer && bias.data == NULL;
    ok[13] = session->pixel_range(session, &out) == CAMTUI_OK && out.rank == 2 && out.shape[0] == 2;
    ok[14] = session->activation(session, 99, &out) == CAMTUI_INVALID && session->cancelled(session) == 0;
    ok[15] = session->random_seed == 42 && session->layer_count == 5 && session->layer_was_named == 0;
    return sink->map(sink, 4, 4, ok, 16);
}

/* A sentence, with either status. */
static camtui_status refuses(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    (void)self;
    (void)values;
    if (session->target < 0) {
        sink->error(sink, camtui_text_of("it explains one class"));
        return CAMTUI_NOT_SUPPORTED;
    }
    sink->error(sink, camtui_text_of("there is \x1b[31mno sun"));
    return CAMTUI_FAILED;
}

/* Nobody has these; whoever asks gets NULL. */
static camtui_status extensions(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                                const camtui_sink *sink) {
    (void)self;
    (void)values;
    const camtui_text name = CAMTUI_TEXT("org.example.never/1");
    const float ok[3] = {
        the_host->get_extension(the_host, name) == NULL,
        session->get_extension(session, name) == NULL,
        sink->get_extension(sink, name) == NULL,
    };
    return sink->map(sink, 1, 3, ok, 3);
}

/* Works until it is told not to. */
static camtui_status waits(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                           const camtui_sink *sink) {
    (void)self;
    (void)values;
    (void)sink;
    while (!session->cancelled(session)) session->progress(session, 0.5f);
    return CAMTUI_CANCELLED;
}

static const camtui_text FILLS[] = { CAMTUI_TEXT("black"), CAMTUI_TEXT("mean") };

static const camtui_param FAST = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_BOOL, .key = CAMTUI_TEXT("fast"), .bool_default = 1,
};
static const camtui_param STEPS = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_INT, .key = CAMTUI_TEXT("steps"), .help = CAMTUI_TEXT("How many"),
    .bounded = 1, .int_min = 1, .int_max = 1000, .int_default = 50,
};
static const camtui_param SIGMA = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_FLOAT, .key = CAMTUI_TEXT("sigma"), .bounded = 1,
    .float_min = 0, .float_max = 2, .float_default = 0.25,
};
static const camtui_param FILL = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_CHOICE, .key = CAMTUI_TEXT("fill"),
    .text_default = CAMTUI_TEXT("mean"), .choices = FILLS, .choice_count = 2,
};
static const camtui_param LABEL = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_STRING, .key = CAMTUI_TEXT("label"),
    .text_default = CAMTUI_TEXT("a b"),
};
static const camtui_param *const PARAMS[] = { &FAST, &STEPS, &SIGMA, &FILL, &LABEL };

static const void *explainer_extension(const camtui_explainer *self, camtui_text name) {
    (void)self;
    (void)name;
    return NULL;
}

#define EXPLAINER(number, function) \
    .size = sizeof(camtui_explainer), .id = CAMTUI_TEXT(number), .version = CAMTUI_TEXT("1.0"), .explain = function

static const camtui_explainer EXPLAINERS[] = {
    { EXPLAINER("frozen-settings", settings), .name = CAMTUI_TEXT("Settings"), .param_count = 5, .params = PARAMS },
    { EXPLAINER("frozen-grad-cam", grad_cam), .needs = CAMTUI_NEEDS_ACTIVATIONS | CAMTUI_NEEDS_GRADIENTS, .rectify = 1,
      .summary = CAMTUI_TEXT("channels weighted by the mean of their gradients"),
      .reference = CAMTUI_TEXT("Selvaraju et al. 2017"), .get_extension = explainer_extension },
    { EXPLAINER("frozen-extras", extras), .needs = CAMTUI_NEEDS_ACTIVATIONS, .class_agnostic = 1 },
    { EXPLAINER("frozen-questions", questions), .needs = CAMTUI_NEEDS_FORWARD },
    { EXPLAINER("frozen-refuses", refuses) },
    { EXPLAINER("frozen-extensions", extensions) },
    { EXPLAINER("frozen-waits", waits) },
};

static camtui_status initialise(const camtui_host *host) {
    the_host = host;
    return host->size >= sizeof(camtui_host) && is(host->name, "camtui") && host->version.len > 0 ? CAMTUI_OK : CAMTUI_FAILED;
}

static uint32_t explainer_count(void) { return sizeof EXPLAINERS / sizeof *EXPLAINERS; }

static const camtui_explainer *explainer(uint32_t index) { return index < explainer_count() ? &EXPLAINERS[index] : NULL; }

static const void *extension(camtui_text name) {
    (void)name;
    return NULL;
}

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, initialise, explainer_count, explainer, extension,
};
