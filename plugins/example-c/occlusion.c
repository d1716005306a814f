/*
 * Occlusion in C: a patch slides over the picture, and what the score loses without what lies under it is noted there.
 *
 * Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. An example of what
 * plugins/template-c leaves out: parameters, runs of the model in batches, progress, cancelling, errors, and memory that is given
 * back on every way out. Its numbers are those of the bundled `occlusion` (a test compares them): the last patch of a row
 * is cut off at the border, where patches overlap the mean counts, and the map has one cell for each stride.
 */
#include "camtui_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Inputs in one batch: enough to keep some cores busy, few enough that the user is shown progress and may cancel. */
#define BATCH 8

/* Where patches lie along one side of the picture, and what each has to say about each cell of the map. */
struct side {
    uint64_t length, window, stride;
    uint64_t patches; /* one every stride, the last cut off at the end */
    uint64_t cells;   /* as many as strides fit, of equal size to within a pixel */
    double *shares;   /* [cells, patches]; owned */
};

static uint64_t ceil_div(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

static uint64_t patch_end(const struct side *side, uint64_t patch) {
    const uint64_t end = patch * side->stride + side->window;
    return end < side->length ? end : side->length;
}

/* Every pixel is the mean of the patches over it, every cell the mean of its pixels. Returns 0 if there is no memory. */
static int side_init(struct side *side, uint64_t length, uint64_t window, uint64_t stride) {
    side->length = length;
    side->window = window;
    side->stride = stride;
    side->patches = ceil_div(length - window, stride) + 1;
    side->cells = ceil_div(length, stride);
    side->shares = calloc(side->cells * side->patches, sizeof *side->shares);
    if (!side->shares) return 0;
    for (uint64_t cell = 0; cell < side->cells; cell++) {
        const uint64_t begin = cell * length / side->cells, end = (cell + 1) * length / side->cells;
        for (uint64_t pixel = begin; pixel < end; pixel++) {
            double over = 0;
            for (uint64_t p = 0; p < side->patches; p++) over += p * stride <= pixel && pixel < patch_end(side, p);
            for (uint64_t p = 0; p < side->patches; p++)
                if (p * stride <= pixel && pixel < patch_end(side, p))
                    side->shares[cell * side->patches + p] += 1.0 / (over * (double)(end - begin));
        }
    }
    return 1;
}

/* A sentence with numbers in it, for what the method cannot do. */
static camtui_status refuse(const camtui_sink *sink, const char *format, ...) {
    char sentence[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    sink->error(sink, camtui_text_of(sentence));
    return CAMTUI_NOT_SUPPORTED;
}

/* y = Σ seed·logits, of one item. */
static double score(const camtui_tensor *seed, const float *logits) {
    double sum = 0;
    for (uint64_t c = 0; c < seed->shape[1]; c++) sum += (double)seed->data[c] * (double)logits[c];
    return sum;
}

/* `input` with the patch (row, column) at zero, which is the mean grey of most models' preprocessing. */
static void mask(float *masked, const camtui_tensor *input, const struct side *rows, uint64_t row,
                 const struct side *columns, uint64_t column) {
    const uint64_t channels = input->shape[1], height = input->shape[2], width = input->shape[3];
    const uint64_t left = column * columns->stride, right = patch_end(columns, column);
    memcpy(masked, input->data, channels * height * width * sizeof *masked);
    for (uint64_t c = 0; c < channels; c++)
        for (uint64_t y = row * rows->stride; y < patch_end(rows, row); y++)
            memset(masked + (c * height + y) * width + left, 0, (right - left) * sizeof *masked);
}

static camtui_status explain(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink) {
    (void)self;
    camtui_tensor input = CAMTUI_TENSOR_INIT, logits = CAMTUI_TENSOR_INIT, seed = CAMTUI_TENSOR_INIT;
    camtui_status status = session->input(session, &input);
    if (status == CAMTUI_OK) status = session->logits(session, &logits);
    if (status == CAMTUI_OK) status = session->seed(session, &seed);
    if (status != CAMTUI_OK) return camtui_pass_on(session, sink, status);

    /* The values come in the order of PARAMS, with type and range checked; 0 leaves the choice to us. */
    const uint64_t height = input.shape[2], width = input.shape[3], shorter = height < width ? height : width;
    uint64_t window = (uint64_t)values->values[0]->integer, stride = (uint64_t)values->values[1]->integer;
    if (window == 0) window = shorter / 7 > 0 ? shorter / 7 : 1;
    if (stride == 0) stride = ceil_div(window, 2);
    if (window > shorter)
        return refuse(sink, "a window of %llu pixels does not fit into the model's input; take %llu at most",
                      (unsigned long long)window, (unsigned long long)shorter);
    if (stride > window)
        return refuse(sink, "a stride of %llu pixels leaves gaps that no patch covers; take the window, %llu, at most",
                      (unsigned long long)stride, (unsigned long long)window);

    const uint64_t size = input.shape[1] * height * width;
    struct side rows = { 0 }, columns = { 0 };
    const int sides = side_init(&rows, height, window, stride) && side_init(&columns, width, window, stride);
    const uint64_t patches = rows.patches * columns.patches, cells = rows.cells * columns.cells;
    float *batch = malloc(BATCH * size * sizeof *batch);
    double *lost = malloc(patches * sizeof *lost);
    float *map = malloc(cells * sizeof *map);
    if (!sides || !batch || !lost || !map) {
        status = camtui_fail(sink, CAMTUI_FAILED, "there is not enough memory; take a larger stride");
        goto done;
    }

    const double whole = score(&seed, logits.data);
    for (uint64_t first = 0; first < patches; first += BATCH) {
        const uint64_t count = patches - first < BATCH ? patches - first : BATCH;
        for (uint64_t i = 0; i < count; i++)
            mask(batch + i * size, &input, &rows, (first + i) / columns.patches, &columns, (first + i) % columns.patches);
        const camtui_tensor inputs = { sizeof inputs, 4, batch, { count, input.shape[1], height, width } };
        camtui_tensor answers = CAMTUI_TENSOR_INIT;
        status = session->forward(session, &inputs, &answers);
        if (status != CAMTUI_OK) {
            status = camtui_pass_on(session, sink, status);
            goto done;
        }
        for (uint64_t i = 0; i < count; i++) lost[first + i] = whole - score(&seed, answers.data + i * seed.shape[1]);
        session->progress(session, (float)(first + count) / (float)patches);
        /* `forward` answers CAMTUI_CANCELLED by itself; an explainer with a long loop of its own would ask here. */
        if (session->cancelled(session)) {
            status = CAMTUI_CANCELLED;
            goto done;
        }
    }

    for (uint64_t y = 0; y < rows.cells; y++)
        for (uint64_t x = 0; x < columns.cells; x++) {
            double sum = 0;
            for (uint64_t i = 0; i < rows.patches; i++)
                for (uint64_t j = 0; j < columns.patches; j++)
                    sum += rows.shares[y * rows.patches + i] * columns.shares[x * columns.patches + j] *
                           lost[i * columns.patches + j];
            map[y * columns.cells + x] = (float)sum;
        }
    status = sink->map(sink, (uint32_t)rows.cells, (uint32_t)columns.cells, map, cells);

done:
    free(map);
    free(lost);
    free(batch);
    free(columns.shares);
    free(rows.shares);
    return status;
}

static const camtui_param WINDOW = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_INT, .key = CAMTUI_TEXT("window"), .bounded = 1, .int_max = 65536,
    .help = CAMTUI_TEXT("side of the patch in pixels of the model's input; 0: a seventh of the shorter side"),
};
static const camtui_param STRIDE = {
    .size = sizeof(camtui_param), .kind = CAMTUI_PARAM_INT, .key = CAMTUI_TEXT("stride"), .bounded = 1, .int_max = 65536,
    .help = CAMTUI_TEXT("how far the patch moves, and so how fine the map is; 0: half the window"),
};
static const camtui_param *const PARAMS[] = { &WINDOW, &STRIDE };

static const camtui_explainer EXPLAINERS[] = { {
    .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_FORWARD, .explain = explain,
    .id = CAMTUI_TEXT("occlusion-c"), .name = CAMTUI_TEXT("Occlusion in C"), .version = CAMTUI_TEXT("1.0.0"),
    .summary = CAMTUI_TEXT("y(x) − y(x with a patch at zero), the mean over the patches that cover a place; signed"),
    .reference = CAMTUI_TEXT("Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901"),
    .param_count = 2, .params = PARAMS,
} };

CAMTUI_EXPLAINERS(EXPLAINERS)
