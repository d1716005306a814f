/*
 * An explainer plugin for camtui: it shows where a layer is active, whatever the class. The numbered comments are the steps;
 * README.md says what to change first, and camtui_plugin.h is the contract.
 */
#include "camtui_plugin.h"

#include <stdlib.h>

/* 1. The formula: Σ_k A_k / K. `explain` is called once for each map, perhaps from several threads at once. */
static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    /* 2. Ask for what it needs: here the activations [1, K, h, w] of the chosen layer. They live until we return. */
    camtui_tensor activation = CAMTUI_TENSOR_INIT;
    camtui_status status = session->activation(session, session->chosen_layer, &activation);
    if (status != CAMTUI_OK) return camtui_pass_on(session, sink, status);
    if (activation.rank != 4) return camtui_fail(sink, CAMTUI_NOT_SUPPORTED, "the layer has no height and width; take another");
    const uint64_t channels = activation.shape[1], area = activation.shape[2] * activation.shape[3];
    float *map = calloc(area, sizeof *map);
    if (!map) return camtui_fail(sink, CAMTUI_FAILED, "there is not enough memory for the map");
    for (uint64_t k = 0; k < channels; k++)
        for (uint64_t i = 0; i < area; i++) map[i] += activation.data[k * area + i] / (float)channels;
    /* 3. The map, at the layer's own resolution; it is copied. Resizing, colours and drawing are camtui's. */
    status = sink->map(sink, (uint32_t)activation.shape[2], (uint32_t)activation.shape[3], map, area);
    free(map);
    return status;
}

/* 4. What it is. The id is what the user types after `--explainer`; help and forms come from the rest. */
static const camtui_explainer EXPLAINERS[] = { {
    .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_ACTIVATIONS, .class_agnostic = 1, .explain = explain,
    .id = CAMTUI_TEXT("mean-activation"), .name = CAMTUI_TEXT("Mean activation"), .version = CAMTUI_TEXT("0.1.0"),
    .summary = CAMTUI_TEXT("Σ_k A_k / K: where the layer is active, whatever the class"),
} };

/* 5. The one symbol that camtui looks for. */
CAMTUI_EXPLAINERS(EXPLAINERS)
