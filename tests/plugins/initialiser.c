/*
 * A library that leaves a trace as soon as it is loaded, before anyone calls it: a file, where MARKER says. Built
 * as a plugin, or as one for another version of the interface, which must never be loaded.
 */
#include "camtui_plugin.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef MAJOR
#define MAJOR CAMTUI_ABI_MAJOR
#endif

__attribute__((constructor)) static void leave_a_trace(void) {
    const char *path = getenv("MARKER");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) fclose(file);
}

static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    const float one = 1;
    (void)self, (void)session, (void)values;
    return sink->map(sink, 1, 1, &one, 1);
}

static const camtui_explainer EXPLAINER = {
    .size = sizeof(camtui_explainer), .id = CAMTUI_TEXT("initialiser"), .name = CAMTUI_TEXT("Initialiser"),
    .version = CAMTUI_TEXT("1.0"), .summary = CAMTUI_TEXT("one"), .class_agnostic = 1, .explain = explain,
};

static uint32_t explainer_count(void) { return 1; }
static const camtui_explainer *explainer(uint32_t index) { return index == 0 ? &EXPLAINER : NULL; }

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, NULL, explainer_count, explainer, NULL,
};
