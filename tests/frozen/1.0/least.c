/*
 * The least that is a plugin of version 1.0: every pointer that may be NULL is, every text that may be empty is.
 *
 * Frozen, as maps.c.
 */
#include "camtui_plugin.h"

static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    const float half = values->count == 0 && self->context == NULL && session->size > 0 ? 0.5f : 0.0f;
    return sink->map(sink, 1, 1, &half, 1);
}

static const camtui_explainer LEAST = {
    .size = sizeof(camtui_explainer), .id = CAMTUI_TEXT("frozen-least"), .explain = explain,
};

static uint32_t explainer_count(void) { return 1; }
static const camtui_explainer *explainer(uint32_t index) { return index == 0 ? &LEAST : NULL; }

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, NULL, explainer_count, explainer, NULL,
};
