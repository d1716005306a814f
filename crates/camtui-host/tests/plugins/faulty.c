/*
 * A sound explainer in C, Σ_k mean(g_k)·A_k, that one macro breaks in one place: each check must find the one
 * that is meant for it, and nothing else.
 */
#define _GNU_SOURCE
#include "camtui_plugin.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static camtui_status give_up(const camtui_session *session, const camtui_sink *sink, camtui_status status) {
#if defined(ERRORS_SILENT)
    if (status == CAMTUI_FAILED) return status;
#endif
    sink->error(sink, session->last_error(session));
    return status;
}

static void wait_ms(long ms) {
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static void *sleeper(void *nothing) {
    wait_ms(3600000);
    return nothing;
}

static int64_t shared_class;

static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    camtui_tensor input = CAMTUI_TENSOR_INIT, a = CAMTUI_TENSOR_INIT, g = CAMTUI_TENSOR_INIT;
    camtui_layer layer = { .size = sizeof layer };
    camtui_status status;
    (void)self, (void)shared_class, (void)sleeper, (void)wait_ms;

#if defined(REFUSALS_CRASH)
    if (session->layer_count == 0) *(volatile int *)1 = 1;
#endif
    if (session->chosen_layer == CAMTUI_NO_LAYER) {
#if defined(REFUSALS_FAILED)
        sink->error(sink, camtui_text_of("there is no layer"));
        return CAMTUI_FAILED;
#elif !defined(REFUSALS_SILENT)
        sink->error(sink, camtui_text_of("there is no layer to explain"));
#endif
        return CAMTUI_NOT_SUPPORTED;
    }
    status = session->layer(session, session->chosen_layer, &layer);
    if (status != CAMTUI_OK) return give_up(session, sink, status);
    if (layer.rank != 3) {
        sink->error(sink, camtui_text_of("the layer has no height and width"));
        return CAMTUI_NOT_SUPPORTED;
    }
#if defined(AT_ONCE)
    shared_class = session->target;
#endif
    status = session->input(session, &input);
#if defined(ERRORS_IGNORED)
    if (status == CAMTUI_FAILED) {
        const float zero = 0;
        return sink->map(sink, 1, 1, &zero, 1);
    }
#endif
    if (status == CAMTUI_OK) status = session->activation(session, session->chosen_layer, &a);
    if (status != CAMTUI_OK) return give_up(session, sink, status);
    const uint64_t classes = session->classes, rows = layer.shape[1], columns = layer.shape[2];
    const uint64_t height = input.shape[2];
    (void)classes, (void)height;

    camtui_tensor own = CAMTUI_TENSOR_INIT, *seed = NULL;
    float *one = calloc(classes, sizeof(float));
    own.rank = 2, own.shape[0] = 1, own.shape[1] = classes, own.data = one;
    (void)own;
#if defined(CLASS_FIXED)
    one[0] = 1, seed = &own;
#elif defined(AT_ONCE)
    if (session->target >= 0 && shared_class >= 0) one[shared_class % (int64_t)classes] = 1, seed = &own;
#endif
    status = session->gradient(session, session->chosen_layer, seed, CAMTUI_RULE_PLAIN, &g);
    free(one);
    if (status != CAMTUI_OK) return give_up(session, sink, status);

#if defined(ANSWERS)
    if (classes == 2) {
        sink->error(sink, camtui_text_of("two are not enough"));
        return CAMTUI_FAILED;
    }
#elif defined(ANSWERS_REFUSED)
    sink->error(sink, camtui_text_of("never heard of such a model"));
    return CAMTUI_NOT_SUPPORTED;
#elif defined(NEEDS)
    camtui_tensor logits = CAMTUI_TENSOR_INIT;
    session->forward(session, &input, &logits);
#elif defined(EXTREMES)
    if (values->values[0]->integer == 9) {
        sink->error(sink, camtui_text_of("nine is too many"));
        return CAMTUI_FAILED;
    }
#elif defined(EXTREMES_ABORT)
    if (values->values[1]->integer == 1) abort();
#elif defined(CANCEL)
    if (height == 128) wait_ms(2500);
#elif defined(TIME)
    for (int n = 0; height == 96 && n < 500; n++) {
        if (session->cancelled(session)) return CAMTUI_CANCELLED;
        wait_ms(10);
    }
#elif defined(INPUTS_HANG) || defined(INPUTS_EXIT)
    int zero = 1;
    for (uint64_t at = 0; at < rows * columns; at++) zero = zero && a.data[at] == 0;
    for (uint64_t at = 0; at < input.shape[3]; at++) zero = zero && input.data[at] == 0;
    if (zero && height == 12) {
#if defined(INPUTS_EXIT)
        exit(0);
#endif
        for (;;) wait_ms(1000);
    }
#elif defined(MANNERS_PRINT)
    puts("\033[2Jlook at me");
    fflush(stdout);
#elif defined(MANNERS_FOLDER)
    if (chdir("/") != 0) return CAMTUI_FAILED;
#elif defined(MANNERS_SIGNAL)
    signal(SIGUSR2, SIG_IGN);
#elif defined(MANNERS_THREAD)
    static int begun;
    pthread_t thread;
    if (!begun++) pthread_create(&thread, NULL, sleeper, NULL);
#endif

    const uint64_t area = rows * columns;
    float *map = calloc(area, sizeof(float));
    for (uint64_t k = 0; k < layer.shape[0]; k++) {
        double mean = 0;
        for (uint64_t at = 0; at < area; at++) mean += g.data[k * area + at];
        for (uint64_t at = 0; at < area; at++) map[at] += (float)(mean / (double)area * a.data[k * area + at]);
    }
#if defined(FINITE)
    if (classes == 1000) map[0] = NAN;
#elif defined(INPUTS)
    float sum = 0;
    for (uint64_t at = 0; at < layer.shape[0] * area; at++) sum += a.data[at] * a.data[at];
    for (uint64_t at = 0; at < area; at++) map[at] /= sum;
#elif defined(RECTIFY)
    for (uint64_t at = 0; at < area; at++) map[at] = fmaxf(map[at], 0);
#elif defined(SPOT)
    for (uint64_t y = 0; y < rows && height == 20; y++) {
        for (uint64_t x = 0; x < columns / 2; x++) {
            const float kept = map[y * columns + x];
            map[y * columns + x] = map[y * columns + columns - 1 - x];
            map[y * columns + columns - 1 - x] = kept;
        }
    }
#elif defined(REPEATS)
    static int calls;
    if (session->random_seed == UINT64_MAX) map[0] += (float)++calls;
#endif
    if (session->cancelled(session)) {
        free(map);
        return CAMTUI_CANCELLED;
    }
    uint32_t h = (uint32_t)rows, w = (uint32_t)columns;
#if defined(STRIPES)
    /* One column, which is no fault. */
    for (uint64_t y = 0; y < rows; y++) {
        float sum = 0;
        for (uint64_t x = 0; x < columns; x++) sum += map[y * columns + x];
        map[y] = sum;
    }
    w = 1;
#endif
#if defined(SIZES)
    if (rows == 4 && columns == 2) h = 2, w = 4;
#elif defined(SIZES_COUNT)
    if (rows == 4 && columns == 2) h = 3;
#endif
#if defined(STRIPES)
    status = sink->map(sink, h, w, map, rows);
#else
    status = sink->map(sink, h, w, map, area);
#endif
#if !defined(MEMORY)
    free(map);
#endif
    (void)values;
    return status;
}

static const camtui_text WORDS[] = { CAMTUI_TEXT("mean"),
#if defined(PARAMETERS_TWICE)
    CAMTUI_TEXT("mean"),
#endif
    CAMTUI_TEXT("sum") };

static const camtui_param STEPS = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_INT, .key = CAMTUI_TEXT("steps"), .bounded = 1, .int_min = 1,
    .int_max = 9,
#if defined(PARAMETERS_DEFAULT)
    .int_default = 10,
#else
    .int_default = 2,
#endif
#if !defined(PARAMETERS_HELP)
    .help = CAMTUI_TEXT("how many steps are taken"),
#endif
};
static const camtui_param WORD = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_CHOICE, .key = CAMTUI_TEXT("word"),
    .help = CAMTUI_TEXT("what is done"), .text_default = CAMTUI_TEXT("mean"), .choices = WORDS,
    .choice_count = sizeof WORDS / sizeof WORDS[0],
};
static const camtui_param *const PARAMS[] = { &STEPS, &WORD };

#if defined(IDS)
#define ID "Faulty Id"
#else
#define ID "faulty"
#endif
#if defined(TEXTS_CONTROL)
#define SUMMARY "red \033[31m"
#elif defined(TEXTS_EMPTY)
#define SUMMARY ""
#elif defined(TEXTS_BYTES)
#define SUMMARY "\xff\xfe"
#else
#define SUMMARY "the mean gradient of each channel times the channel"
#endif
#if defined(CLASS_AGNOSTIC)
#define AGNOSTIC 1
#else
#define AGNOSTIC 0
#endif

#define EXPLAINER(VERSION) { \
    .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_ACTIVATIONS | CAMTUI_NEEDS_GRADIENTS, \
    .id = CAMTUI_TEXT(ID), .name = CAMTUI_TEXT("Faulty"), .version = CAMTUI_TEXT(VERSION), \
    .summary = CAMTUI_TEXT(SUMMARY), .rectify = 1, .class_agnostic = AGNOSTIC, .param_count = 2, .params = PARAMS, \
    .explain = explain }

static const camtui_explainer EXPLAINERS[] = { EXPLAINER("1.0"), EXPLAINER("1.1") };

static uint32_t explainer_count(void) { return 1; }

static const camtui_explainer *explainer(uint32_t index) {
    static uint32_t asked;
    if (index > 0) return NULL;
#if defined(STABLE)
    return &EXPLAINERS[asked++ % 2];
#else
    (void)asked;
    return &EXPLAINERS[0];
#endif
}

#if defined(LOADS_UNDEFINED)
extern uint32_t a_function_that_nobody_has(void);
#endif

static camtui_status initialise(const camtui_host *host) {
    (void)host;
#if defined(LOADS_REFUSED)
    return CAMTUI_FAILED;
#elif defined(LOADS_UNDEFINED)
    return a_function_that_nobody_has();
#elif defined(LOADS_CRASH)
    abort();
#else
    return CAMTUI_OK;
#endif
}

#if defined(ENTRY)
#define MAJOR 9
#else
#define MAJOR CAMTUI_ABI_MAJOR
#endif

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, initialise, explainer_count, explainer, NULL,
};
