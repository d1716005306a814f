/*
 * The formula on a made-up network, against numbers worked out by hand: `make test`. Neither camtui nor a model is needed. What
 * the made-up session cannot answer yet says so: give it an answer when the formula comes to ask for it.
 */
#include "camtui_plugin.h"

#include <math.h>
#include <stdio.h>

/* Two channels of 1 row and 3 columns. */
static const float ACTIVATION[6] = { 1, 2, 3, 5, 0, -3 };
static const float EXPECTED[3] = { 3, 1, 0 };

static camtui_status activation(const camtui_session *session, uint32_t layer, camtui_tensor *out) {
    if (layer >= session->layer_count) return CAMTUI_NOT_SUPPORTED;
    const camtui_tensor tensor = { sizeof tensor, 4, ACTIVATION, { 1, 2, 1, 3 } };
    const camtui_tensor flat = { sizeof flat, 2, ACTIVATION, { 1, 6 } };
    *out = layer == 0 ? tensor : flat;
    return CAMTUI_OK;
}

static camtui_text last_error(const camtui_session *session) {
    return camtui_text_of("this session has no such thing");
}

static camtui_status no(const char *what) {
    fprintf(stderr, "test.c: the explainer asks for `%s`, which this session does not answer yet\n", what);
    return CAMTUI_NOT_SUPPORTED;
}

typedef const camtui_session *S;
typedef const camtui_tensor *In;
typedef camtui_tensor *Out;
static camtui_status no_input(S session, Out out) { return no("input"); }
static camtui_status no_logits(S session, Out out) { return no("logits"); }
static camtui_status no_seed(S session, Out out) { return no("seed"); }
static camtui_status no_layer(S session, uint32_t index, camtui_layer *out) { return no("layer"); }
static camtui_status no_gradient(S session, uint32_t at, In seed, uint32_t rule, Out out) { return no("gradient"); }
static camtui_status no_forward(S session, In inputs, Out out) { return no("forward"); }
static camtui_status no_forward_from(S session, uint32_t layer, In in, Out out) { return no("forward_from"); }
static camtui_status no_gradient_at(S session, In in, uint32_t at, In seeds, uint32_t rule, Out out) {
    return no("gradient_at");
}
static camtui_status no_gradient_from(S session, uint32_t layer, In in, In seeds, uint32_t rule, Out out) {
    return no("gradient_from");
}
static camtui_status no_layer_bias(S session, uint32_t layer, Out out) { return no("layer_bias"); }
static camtui_status no_linear_head(S session, uint32_t *pooled, Out weights, Out bias) { return no("linear_head"); }
static camtui_status no_pixel_range(S session, Out out) { return no("pixel_range"); }
static void progress(S session, float done) {}
static uint8_t cancelled(S session) { return 0; }
static void log_line(S session, uint32_t level, camtui_text line) {
    fprintf(stderr, "log: %.*s\n", (int)line.len, line.data);
}
static const void *session_extension(S session, camtui_text name) { return NULL; }

/* What the explainer gave; `sink->host` points to it. */
struct given {
    uint32_t height, width;
    float values[3];
    int errors;
};

static camtui_status take_map(const camtui_sink *sink, uint32_t height, uint32_t width, const float *values,
                              uint64_t count) {
    struct given *given = sink->host;
    if (count != 3) return CAMTUI_INVALID;
    given->height = height;
    given->width = width;
    memcpy(given->values, values, sizeof given->values);
    return CAMTUI_OK;
}

static camtui_status take_error(const camtui_sink *sink, camtui_text sentence) {
    ((struct given *)sink->host)->errors += sentence.len > 0;
    return CAMTUI_OK;
}

static camtui_status take_channel(const camtui_sink *sink, camtui_text name, uint32_t height, uint32_t width,
                                  const float *values, uint64_t count) {
    return CAMTUI_OK;
}
static camtui_status take_layer(const camtui_sink *sink, uint32_t layer) { return CAMTUI_OK; }
static camtui_status take_note(const camtui_sink *sink, camtui_text sentence) { return CAMTUI_OK; }
static const void *sink_extension(const camtui_sink *sink, camtui_text name) { return NULL; }

int main(void) {
    const camtui_explainer *explainer = camtui_plugin_entry.explainer(0);
    camtui_session session = {
        .size = sizeof session, .classes = 10, .layer_count = 2, .activation = activation, .last_error = last_error,
        .input = no_input, .logits = no_logits, .seed = no_seed, .layer = no_layer, .gradient = no_gradient,
        .forward = no_forward, .forward_from = no_forward_from, .gradient_at = no_gradient_at,
        .gradient_from = no_gradient_from, .layer_bias = no_layer_bias, .linear_head = no_linear_head,
        .pixel_range = no_pixel_range, .progress = progress, .cancelled = cancelled, .log = log_line,
        .get_extension = session_extension,
    };
    struct given given = { 0 };
    const camtui_sink sink = { .size = sizeof sink, .host = &given, .map = take_map, .channel = take_channel,
                               .layer = take_layer, .note = take_note, .error = take_error,
                               .get_extension = sink_extension };
    /* With a parameter, here a whole number that is 2:
     *     const camtui_value two = { .size = sizeof two, .kind = CAMTUI_PARAM_INT, .integer = 2, .number = 2 };
     *     const camtui_value *const list[] = { &two };
     *     const camtui_values values = { sizeof values, 1, list }; */
    const camtui_values none = { sizeof none, 0, NULL };

    int failures = explainer->explain(explainer, &session, &none, &sink) != CAMTUI_OK;
    failures += given.height != 1 || given.width != 3;
    for (int i = 0; i < 3; i++) failures += !(fabsf(given.values[i] - EXPECTED[i]) < 1e-6f);

    /* A layer without height and width, and a model without layers, are refused with a sentence. */
    session.chosen_layer = 1;
    failures += explainer->explain(explainer, &session, &none, &sink) != CAMTUI_NOT_SUPPORTED || given.errors != 1;
    session.chosen_layer = CAMTUI_NO_LAYER;
    failures += explainer->explain(explainer, &session, &none, &sink) != CAMTUI_NOT_SUPPORTED || given.errors != 2;

    puts(failures ? "the explainer does not do what it says" : "the explainer does what it says");
    return failures != 0;
}
