/*
 * The formula on a made-up network, against numbers worked out by hand: `make test`. Neither camtui nor a model is needed. Only
 * the functions of the session and of the sink that the explainer calls are here.
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
    (void)session;
    return camtui_text_of("there is no such layer");
}

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

int main(void) {
    const camtui_explainer *explainer = camtui_plugin_entry.explainer(0);
    camtui_session session = { .size = sizeof session, .classes = 10, .layer_count = 2, .activation = activation,
                               .last_error = last_error };
    struct given given = { 0 };
    const camtui_sink sink = { .size = sizeof sink, .host = &given, .map = take_map, .error = take_error };
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
