/*
 * A plugin in C, written from the header alone: occlusion of one row at a time through `forward`, and an explainer that tries the
 * rest of the session.
 */
#include "camtui_plugin.h"

#include <stdlib.h>

static camtui_status fail(const camtui_sink *sink, camtui_status status, const char *sentence) {
    sink->error(sink, camtui_text_of(sentence));
    return status;
}

/* y(x) − y(x with row i at `fill`), one value a row. */
static camtui_status rows(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                          const camtui_sink *sink) {
    (void)self;
    camtui_tensor input = CAMTUI_TENSOR_INIT, logits = CAMTUI_TENSOR_INIT;
    camtui_status status = session->input(session, &input);
    if (status != CAMTUI_OK) return status;
    if (session->target < 0) return fail(sink, CAMTUI_NOT_SUPPORTED, "rows explains a class, not a contrast");
    const float fill = (float)values->values[0]->number;
    const uint64_t channels = input.shape[1], height = input.shape[2], width = input.shape[3];
    const uint64_t size = channels * height * width;
    float *batch = malloc(height * size * sizeof *batch);
    float *map = malloc(height * sizeof *map);
    if (!batch || !map) {
        free(batch);
        free(map);
        return fail(sink, CAMTUI_FAILED, "out of memory");
    }
    for (uint64_t row = 0; row < height; row++) {
        memcpy(batch + row * size, input.data, size * sizeof *batch);
        for (uint64_t c = 0; c < channels; c++)
            for (uint64_t x = 0; x < width; x++) batch[row * size + (c * height + row) * width + x] = fill;
        session->progress(session, (float)row / (float)height);
    }
    camtui_tensor inputs = CAMTUI_TENSOR_INIT, whole = CAMTUI_TENSOR_INIT;
    inputs.rank = 4;
    inputs.data = batch;
    inputs.shape[0] = height;
    inputs.shape[1] = channels;
    inputs.shape[2] = height;
    inputs.shape[3] = width;
    status = session->forward(session, &inputs, &logits);
    if (status == CAMTUI_OK) status = session->forward(session, &input, &whole);
    if (status == CAMTUI_OK) {
        for (uint64_t row = 0; row < height; row++)
            map[row] = whole.data[session->target] - logits.data[row * session->classes + (uint64_t)session->target];
        status = sink->map(sink, (uint32_t)height, 1, map, height);
    } else if (status != CAMTUI_CANCELLED) {
        sink->error(sink, session->last_error(session));
    }
    free(batch);
    free(map);
    return status;
}

/* Every other function of the session once; each value of the map says how one went. */
static camtui_status tour(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                          const camtui_sink *sink) {
    (void)self;
    float ok[12] = { 0 };
    camtui_tensor out = CAMTUI_TENSOR_INIT, seed = CAMTUI_TENSOR_INIT, bias = CAMTUI_TENSOR_INIT;
    camtui_layer layer = CAMTUI_LAYER_INIT;
    uint32_t pooled = 0;
    ok[0] = session->seed(session, &seed) == CAMTUI_OK && seed.shape[1] == session->classes;
    ok[1] = session->layer(session, session->chosen_layer, &layer) == CAMTUI_OK && layer.name.len == 6 &&
            memcmp(layer.name.data, "pooled", 6) == 0 && layer.rank == 3 && layer.has_gradient == 1;
    ok[2] = session->activation(session, session->chosen_layer, &out) == CAMTUI_OK && out.rank == 4;
    ok[3] = session->forward_from(session, session->chosen_layer, &out, &out) == CAMTUI_OK && out.rank == 2;
    ok[4] = session->gradient(session, CAMTUI_IMAGE, &seed, CAMTUI_RULE_PLAIN, &out) == CAMTUI_OK && out.data[0] == 1.0f;
    ok[5] = session->gradient_at(session, &out, CAMTUI_IMAGE, &seed, CAMTUI_RULE_GUIDED, &out) == CAMTUI_NOT_SUPPORTED &&
            session->last_error(session).len > 10;
    ok[6] = session->gradient_from(session, 99, &out, &seed, CAMTUI_RULE_PLAIN, &out) == CAMTUI_INVALID;
    ok[7] = session->linear_head(session, &pooled, &out, &bias) == CAMTUI_OK && pooled == session->chosen_layer &&
            out.shape[0] == session->classes && bias.data == NULL;
    ok[8] = session->pixel_range(session, &out) == CAMTUI_OK && out.data[0] == -2.0f && out.data[5] == 1.0f;
    ok[9] = session->cancelled(session) == 0 && session->random_seed == 42 && session->logits(session, &out) == CAMTUI_OK;
    const camtui_value *word = values->values[1];
    ok[10] = word->kind == CAMTUI_PARAM_CHOICE && word->integer == 1 && memcmp(word->text.data, "mean", 4) == 0;
    ok[11] = CAMTUI_COVERS(session, camtui_session, get_extension) &&
             session->get_extension(session, camtui_text_of("none/1")) == NULL && values->count == 2;
    session->log(session, CAMTUI_LOG_INFO, camtui_text_of("toured"));
    sink->note(sink, camtui_text_of("all is well"));
    sink->layer(sink, CAMTUI_IMAGE);
    const float nothing[2] = { 0, 0 };
    const camtui_text name = CAMTUI_TEXT("nothing");
    sink->channel(sink, name, 1, 2, nothing, 2);
    return sink->map(sink, 3, 4, ok, 12);
}

static const camtui_text FILLS[] = { CAMTUI_TEXT("black"), CAMTUI_TEXT("mean") };

static const camtui_param FILL = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_FLOAT, .key = CAMTUI_TEXT("fill"),
    .help = CAMTUI_TEXT("What a masked row is filled with"), .bounded = 1, .float_min = -3, .float_max = 3,
};
static const camtui_param WORD = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_CHOICE, .key = CAMTUI_TEXT("word"),
    .text_default = CAMTUI_TEXT("mean"), .choices = FILLS, .choice_count = 2,
};
static const camtui_param *const PARAMS[] = { &FILL, &WORD };

static const camtui_explainer EXPLAINERS[] = {
    {
        .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_FORWARD, .id = CAMTUI_TEXT("rows"),
        .name = CAMTUI_TEXT("Row occlusion"), .version = CAMTUI_TEXT("1.0.0"), .param_count = 2, .params = PARAMS,
        .explain = rows,
    },
    {
        .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_ACTIVATIONS, .id = CAMTUI_TEXT("tour"),
        .name = CAMTUI_TEXT("Tour"), .version = CAMTUI_TEXT("1.0.0"), .param_count = 2, .params = PARAMS,
        .explain = tour,
    },
};

static uint32_t explainer_count(void) { return 2; }
static const camtui_explainer *explainer(uint32_t index) { return index < 2 ? &EXPLAINERS[index] : NULL; }

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, NULL, explainer_count, explainer, NULL,
};
