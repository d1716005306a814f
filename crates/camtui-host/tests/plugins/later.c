/*
 * A plugin from the next minor version: the test compiles it against a copy of today's header whose minor version is one
 * higher and whose structs all end in two fields more, `later_call` and `later_value`. It must work without them, and the host
 * must neither use what it does not know nor write into it.
 */
#include "camtui_plugin.h"

#include <stdlib.h>

#define CANARY 0x5ca1ab1e5ca1ab1eu

static camtui_status unknown(void) { abort(); }

static int lacks_ours(const camtui_host *host) { return !CAMTUI_COVERS(host, camtui_host, later_call) && host->abi_minor < CAMTUI_ABI_MINOR; }

static camtui_status initialise(const camtui_host *host) { return lacks_ours(host) ? CAMTUI_OK : CAMTUI_FAILED; }

/* The chosen layer's first channel, scaled; with a note of each thing that this host is too old for. */
static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    camtui_tensor a = CAMTUI_TENSOR_INIT, again = CAMTUI_TENSOR_INIT;
    camtui_layer layer = CAMTUI_LAYER_INIT;
    a.later_value = again.later_value = layer.later_value = CANARY;
    if (self->later_value != CANARY) return CAMTUI_INVALID;
    if (!CAMTUI_COVERS(session, camtui_session, later_call)) sink->note(sink, camtui_text_of("an older session"));
    if (!CAMTUI_COVERS(values, camtui_values, later_call)) sink->note(sink, camtui_text_of("older values"));
    if (!CAMTUI_COVERS(values->values[0], camtui_value, later_call)) sink->note(sink, camtui_text_of("an older value"));
    if (!CAMTUI_COVERS(sink, camtui_sink, later_call)) sink->note(sink, camtui_text_of("an older sink"));
    if (session->layer(session, session->chosen_layer, &layer) != CAMTUI_OK ||
        session->activation(session, session->chosen_layer, &a) != CAMTUI_OK ||
        session->forward_from(session, session->chosen_layer, &a, &again) != CAMTUI_OK)
        return CAMTUI_FAILED;
    if (a.later_value != CANARY || again.later_value != CANARY || layer.later_value != CANARY) {
        sink->error(sink, camtui_text_of("the host wrote into fields that it does not know"));
        return CAMTUI_FAILED;
    }
    const uint64_t area = layer.shape[1] * layer.shape[2];
    float *map = malloc(area * sizeof *map);
    if (!map) return CAMTUI_FAILED;
    for (uint64_t i = 0; i < area; i++) map[i] = (float)values->values[0]->number * a.data[i];
    const camtui_status status = sink->map(sink, (uint32_t)layer.shape[1], (uint32_t)layer.shape[2], map, area);
    free(map);
    return status;
}

static const camtui_param SCALE = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_FLOAT, .key = CAMTUI_TEXT("scale"), .float_default = 2,
    .later_call = unknown, .later_value = CANARY,
};
static const camtui_param *const PARAMS[] = { &SCALE };

/* A need that nobody knows yet, beside one that everybody knows. */
static const camtui_explainer LATER = {
    .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_ACTIVATIONS | 0x80u, .id = CAMTUI_TEXT("from-later"),
    .version = CAMTUI_TEXT("1.0"), .param_count = 1, .params = PARAMS, .explain = explain,
    .later_call = unknown, .later_value = CANARY,
};

static uint32_t explainer_count(void) { return 1; }
static const camtui_explainer *explainer(uint32_t index) { return index == 0 ? &LATER : NULL; }

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    .magic = CAMTUI_MAGIC, .abi_major = CAMTUI_ABI_MAJOR, .abi_minor = CAMTUI_ABI_MINOR, .size = sizeof(camtui_entry),
    .initialise = initialise, .explainer_count = explainer_count, .explainer = explainer,
    .later_call = unknown, .later_value = CANARY,
};
