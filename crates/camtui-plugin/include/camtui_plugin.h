/*
 * camtui_plugin.h: the explainer interface of camtui, version 1.0
 *
 * An explainer turns what a network computed for one picture into a small map of what mattered. A plugin is a shared
 * library with one or more explainers. It exports one data symbol, `camtui_plugin_entry`; everything else is reached from
 * there. This header is all that a plugin in C, C++, Zig or any other language needs.
 *
 * A call goes like this:
 *
 *     host                                             plugin
 *     finds `camtui_plugin_entry`, checks its head
 *     entry.initialise(host)             ------->
 *     entry.explainer_count()            ------->
 *     entry.explainer(0 …)               ------->      descriptions; nothing is computed
 *     …
 *     explainer.explain(…)               ------->
 *                                        <-------      session.activation(…), session.gradient(…), …
 *                                        <-------      sink.map(…), once
 *                                        <-------      returns CAMTUI_OK
 *
 * THE CONTRACT
 *
 * Each function says in brackets who may call it where, and how long what its pointers point to lives:
 *
 * Threads.    [one at a time]   the host calls it, never two such calls at once for one library;
 *             [any thread]      the host calls it from any thread, also several times at once: several pictures may be
 *                               explained by one library at the same moment, each with its own session;
 *             [during explain]  the plugin calls it from any thread, also several at once, from the moment `explain` is
 *                               called until it returns. Threads that the plugin starts must have ended by then.
 * Ownership   Whoever makes memory frees it, never the other side, to which it is read-only. How long it lives is said in
 * and         the same brackets: of `in`, what the arguments point to, owned by the caller; of `out`, what is returned or
 * lifetime.   filled in, owned by the callee:
 *             copied          the callee does not look at it after it has returned: it may lie on the stack;
 *             until it returns, until explain, for ever
 *                             it lives until this function returns; until that call of `explain` returns; until the
 *                             process ends (a library is never unloaded).
 * Errors.     A function that can fail returns a camtui_status, and fills its out-parameters only if that is CAMTUI_OK.
 *             Nothing is thrown, unwound or jumped across this interface: catch exceptions and panics on your side.
 *             An explainer does not exit, abort, print, or change the process (working directory,
 *             signal handlers, locale): use `log`, `note` and `error`.
 * Process.    camtui runs a library in a process of its own, which may be ended and started again between two calls.
 *             So nothing that one call leaves in memory is certain to be there in the next.
 * Versions.   The major versions of both sides must be equal. A minor version only appends fields to structs.
 *             Every struct but camtui_text begins with its `size` (camtui_entry has it after the version):
 *             set it to `sizeof` the struct as you know it, and touch a field only if the `size` of the
 *             struct you were given covers it (CAMTUI_COVERS). All structs of version 1.0 are covered by
 *             every host and plugin of major version 1, so code written with this header alone need not ask.
 * Types.      uint32_t stands for enumerations and uint8_t for booleans (0 is false, all else true). Reserved
 *             fields are 0. A function pointer that says "may be NULL" is checked before it is called; the
 *             others are never NULL in structs of version 1.0.
 * Text.       UTF-8 as pointer and length, not NUL-terminated. The host writes control characters out before
 *             it shows a text.
 * Tensors.    Dense, row-major, 32-bit floats. What belongs to pictures has the batch axis first: one picture
 *             is [1, …]. n is the number of items in a batch, at least 1; C, H, W are the input's channels, height and
 *             width; K, h, w those of a layer.
 */
#ifndef CAMTUI_PLUGIN_H
#define CAMTUI_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define CAMTUI_EXPORT __declspec(dllexport)
#else
#define CAMTUI_EXPORT __attribute__((visibility("default")))
#endif

#define CAMTUI_ABI_MAJOR 1u
#define CAMTUI_ABI_MINOR 0u

/* The first eight bytes of camtui_entry. */
#define CAMTUI_MAGIC { 'c', 'a', 'm', 't', 'u', 'i', 0x00, 0x1a }

/* Whether the struct behind `pointer`, as large as it says, has `field`. */
#define CAMTUI_COVERS(pointer, type, field) \
    ((pointer)->size >= offsetof(type, field) + sizeof((pointer)->field))

/* ==== Values ==== */

typedef uint32_t camtui_status;
#define CAMTUI_OK 0u            /* the call did what it says */
#define CAMTUI_FAILED 1u        /* it failed; a sentence says why */
#define CAMTUI_NOT_SUPPORTED 2u /* this host, or this model, has no such thing */
#define CAMTUI_CANCELLED 3u     /* the user does not want the answer any more: clean up and return this */
#define CAMTUI_INVALID 4u       /* the arguments contradict this header */

/* UTF-8, `len` bytes. `data` may be NULL if `len` is 0. This struct never grows. */
typedef struct camtui_text {
    const char *data;
    size_t len;
} camtui_text;

/* A text from a string literal, for initialisers: `.id = CAMTUI_TEXT("occlusion")`. */
#define CAMTUI_TEXT(literal) { (literal), sizeof(literal) - 1 }

/* A text from a NUL-terminated string, which must outlive it. */
static inline camtui_text camtui_text_of(const char *string) {
    camtui_text text = { string, string ? strlen(string) : 0 };
    return text;
}

#define CAMTUI_MAX_RANK 8

/* A tensor that somebody else owns. For an out-parameter the caller provides the struct, begun as CAMTUI_TENSOR_INIT, and
 * the host fills the rest. */
typedef struct camtui_tensor {
    uint32_t size;
    uint32_t rank;                  /* number of axes */
    const float *data;              /* NULL: there is no tensor */
    uint64_t shape[CAMTUI_MAX_RANK]; /* extent of each axis; the rest is 0 */
} camtui_tensor;

#define CAMTUI_TENSOR_INIT { sizeof(camtui_tensor), 0, NULL, { 0 } }

/* Layers are named by index: 0 to session->layer_count - 1, or one of these. */
#define CAMTUI_IMAGE 0xffffffffu    /* the model's input, where a function takes "layer or image" */
#define CAMTUI_NO_LAYER 0xfffffffeu /* none; who asks about it is answered CAMTUI_NOT_SUPPORTED */

/* A layer that can be explained; filled by session->layer(). */
typedef struct camtui_layer {
    uint32_t size;
    uint32_t rank;
    camtui_text name;                /* as the user writes it; lives until `explain` returns */
    uint64_t shape[CAMTUI_MAX_RANK]; /* without the batch axis: [K, h, w] */
    uint8_t has_gradient;            /* whether its gradient can be asked for */
    uint8_t reserved[7];
} camtui_layer;

#define CAMTUI_LAYER_INIT { sizeof(camtui_layer), 0, { NULL, 0 }, { 0 }, 0, { 0 } }

/* How a gradient passes a ReLU. */
#define CAMTUI_RULE_PLAIN 0u  /* the derivative */
#define CAMTUI_RULE_GUIDED 1u /* guided backpropagation: negative gradients are dropped at each ReLU */

#define CAMTUI_LOG_DEBUG 0u   /* for the plugin's author */
#define CAMTUI_LOG_INFO 1u    /* for whoever asks */
#define CAMTUI_LOG_WARNING 2u /* the user should know */
#define CAMTUI_LOG_ERROR 3u   /* something broke */

/* ==== Parameters: what the user can set with `-P KEY=VALUE` ==== */

#define CAMTUI_PARAM_BOOL 0u
#define CAMTUI_PARAM_INT 1u
#define CAMTUI_PARAM_FLOAT 2u
#define CAMTUI_PARAM_CHOICE 3u /* one of a few words */
#define CAMTUI_PARAM_STRING 4u

/* A parameter's description. Only the fields of its kind are read, the others stay 0. The plugin's, for ever:
 * `static const`. */
typedef struct camtui_param {
    uint32_t size;
    uint32_t kind;               /* CAMTUI_PARAM_… */
    camtui_text key;             /* 1 to 64 of a-z 0-9 - + . _, beginning with a letter or digit; unique */
    camtui_text help;            /* one sentence */
    uint8_t bounded;             /* whether the minimum and maximum of an int or float apply (inclusive) */
    uint8_t bool_default;
    uint8_t reserved[6];
    int64_t int_min;
    int64_t int_max;
    int64_t int_default;
    double float_min;
    double float_max;
    double float_default;        /* finite */
    camtui_text text_default;    /* of a string; of a choice, one of `choices` */
    const camtui_text *choices;  /* `choice_count` different words */
    uint32_t choice_count;       /* 1 to 256 for a choice */
    uint32_t reserved2;
} camtui_param;

/* A parameter's value. The host has checked its type and range. */
typedef struct camtui_value {
    uint32_t size;
    uint32_t kind;    /* as described */
    int64_t integer;  /* a bool as 0 or 1; an int; of a choice, its index */
    double number;    /* a float; an int as a float */
    camtui_text text; /* a string; of a choice, its word */
} camtui_value;

/* The values of one call: one for each described parameter, in that order, defaults filled in. The host's, until explain. */
typedef struct camtui_values {
    uint32_t size;
    uint32_t count;
    const camtui_value *const *values;
} camtui_values;

/* ==== The session: one picture in one model, for one call of `explain` ==== */

typedef struct camtui_session camtui_session;

/*
 * Owned by the host; lives until `explain` returns, and so does everything it hands out, unless said otherwise.
 *
 * All its functions are [during explain] and take the session as their first argument. Those that return a camtui_status
 * may take long, and answer
 *   CAMTUI_NOT_SUPPORTED  if this model or this host has no such thing: be ready for it in all but input, logits, seed
 *                         and layer;
 *   CAMTUI_CANCELLED      once the user does not want the answer any more: clean up and return CAMTUI_CANCELLED.
 * For any answer but CAMTUI_OK and CAMTUI_CANCELLED last_error says why; camtui_pass_on hands that on to the user.
 *
 * The seed is the cotangent of the logits, [1, classes]: what is explained is y = Σ seed·logits. For a class it is 1 there and
 * 0 elsewhere; "why A and not B" is 1 at A and −1 at B.
 */
struct camtui_session {
    uint32_t size;
    uint32_t classes;        /* number of classes */
    void *host;              /* the host's own */
    int64_t target;          /* the class explained, or −1 where the seed is no single class */
    uint64_t random_seed;    /* for every random number: the same seed gives the same map */
    uint32_t layer_count;
    uint32_t chosen_layer;   /* the layer to explain: the user's or the model's default; or CAMTUI_NO_LAYER */
    uint8_t layer_was_named; /* whether the user named it; if not, an explainer that belongs to another
                                layer may take that one, and says so with sink->layer */
    uint8_t wants_terms;     /* whether sink->terms is asked for; only of explainers that say gives_terms */
    uint8_t reserved[6];

    /* What the model was given, preprocessed: [1, C, H, W].
     * [during explain; out: until explain] */
    camtui_status (*input)(const camtui_session *session, camtui_tensor *out);

    /* What the model answered: [1, classes].
     * [during explain; out: until explain] */
    camtui_status (*logits)(const camtui_session *session, camtui_tensor *out);

    /* The session's seed: [1, classes].
     * [during explain; out: until explain] */
    camtui_status (*seed)(const camtui_session *session, camtui_tensor *out);

    /* Describes layer `index`, below layer_count. Layers are in the order in which the network computes them.
     * [during explain; out: until explain] */
    camtui_status (*layer)(const camtui_session *session, uint32_t index, camtui_layer *out);

    /* The layer's output: [1, K, h, w].
     * [during explain; out: until explain] */
    camtui_status (*activation)(const camtui_session *session, uint32_t layer, camtui_tensor *out);

    /* ∂y/∂(layer or image): [1, K, h, w] or [1, C, H, W]. `seed` is [1, classes], or NULL for the session's own. `rule` is
     * CAMTUI_RULE_….
     * [during explain; in: copied; out: until explain] */
    camtui_status (*gradient)(const camtui_session *session, uint32_t layer_or_image, const camtui_tensor *seed,
                              uint32_t rule, camtui_tensor *out);

    /* Runs the model on `inputs` [n, C, H, W] (C, H, W as in `input`): logits [n, classes]. Batches of 4 to 32 use all
     * cores; every answer is kept until explain returns, so many small batches cost less memory than one large one.
     * [during explain; in: copied; out: until explain] */
    camtui_status (*forward)(const camtui_session *session, const camtui_tensor *inputs, camtui_tensor *out);

    /* Runs only what comes after `layer`, on `activations` [n, K, h, w]: logits [n, classes].
     * [during explain; in: copied; out: until explain] */
    camtui_status (*forward_from)(const camtui_session *session, uint32_t layer, const camtui_tensor *activations,
                                  camtui_tensor *out);

    /* Gradients on other `inputs` [n, C, H, W], each with its own seed, `seeds` [n, classes]: [n, K, h, w] or [n, C, H, W].
     * [during explain; in: copied; out: until explain] */
    camtui_status (*gradient_at)(const camtui_session *session, const camtui_tensor *inputs, uint32_t layer_or_image,
                                 const camtui_tensor *seeds, uint32_t rule, camtui_tensor *out);

    /* Gradients with respect to other `activations` [n, K, h, w] of `layer`, each with its own seed, `seeds` [n, classes]:
     * [n, K, h, w].
     * [during explain; in: copied; out: until explain] */
    camtui_status (*gradient_from)(const camtui_session *session, uint32_t layer, const camtui_tensor *activations,
                                   const camtui_tensor *seeds, uint32_t rule, camtui_tensor *out);

    /* The bias that the layer adds, batch norm unfolded: [K].
     * [during explain; out: until explain] */
    camtui_status (*layer_bias)(const camtui_session *session, uint32_t layer, camtui_tensor *out);

    /* The linear layer of a network that ends in global average pooling and one linear layer: `weights` [classes, K], `bias`
     * [classes] or data == NULL where there is none, and in `pooled_layer` the layer that is pooled, or CAMTUI_NO_LAYER if
     * it is none of the session's. CAMTUI_NOT_SUPPORTED for any other network.
     * [during explain; out: until explain] */
    camtui_status (*linear_head)(const camtui_session *session, uint32_t *pooled_layer, camtui_tensor *weights,
                                 camtui_tensor *bias);

    /* The values that the input can take: [2, C], the least of each channel, then the greatest.
     * [during explain; out: until explain] */
    camtui_status (*pixel_range)(const camtui_session *session, camtui_tensor *out);

    /* Why the last call that this thread made on this session failed, as a sentence for the user; empty if none has.
     * [during explain; out: until this thread's next call on the session] */
    camtui_text (*last_error)(const camtui_session *session);

    /* Tells how much is done, from 0 to 1. Returns at once.
     * [during explain] */
    void (*progress)(const camtui_session *session, float done);

    /* 1 if the user does not want the answer any more: clean up and return CAMTUI_CANCELLED. Returns at once. An explainer
     * that computes for long by itself asks at least ten times a second; one that does not answer a second later may be
     * ended from outside.
     * [during explain] */
    uint8_t (*cancelled)(const camtui_session *session);

    /* A line for the log; `level` is CAMTUI_LOG_….
     * [during explain; in: copied] */
    void (*log)(const camtui_session *session, uint32_t level, camtui_text line);

    /* An optional capability by name and version ("name/1"): a pointer to a struct that its own header describes, or NULL.
     * [during explain; in: copied; out: until explain] */
    const void *(*get_extension)(const camtui_session *session, camtui_text name);

    /* 1 if somebody watches and would like to see what there is of the map: a few times a second at most. An explainer of
     * many passes asks after each batch, and answers with `partial`; one that never does is right as well. Returns at once.
     * [during explain] */
    uint8_t (*wants_partial)(const camtui_session *session);

    /* The map as far as it has come: as in sink->map, before the outermost ReLU, of any size; shown until a better one comes
     * and then forgotten. The map that sink->map is given must not depend on whether this was called.
     * [during explain; in: copied] */
    camtui_status (*partial)(const camtui_session *session, uint32_t height, uint32_t width, const float *values,
                             uint64_t count);

    /* A session of the same picture, model and target, for one batch of many: what it hands out lives until it is ended, and not
     * until explain returns, so that memory does not grow with the number of passes. NULL if there is none to be had:
     * go on with `session`. May be NULL itself.
     * [during explain; out: until end_scope] */
    const camtui_session *(*scope)(const camtui_session *session);

    /* Ends a session that `scope` returned, once, before explain returns, and after all that it handed out was used. May be
     * NULL where `scope` is.
     * [during explain] */
    void (*end_scope)(const camtui_session *inner);
};

/* ==== The sink: where an explainer puts what it found ==== */

typedef struct camtui_sink camtui_sink;

/*
 * Owned by the host; lives until `explain` returns. All its functions are [during explain] and take the sink as their first
 * argument; CAMTUI_INVALID means that it was not taken:
 * the call is then reported as failed, with the host's own sentence, whatever `explain` returns.
 */
struct camtui_sink {
    uint32_t size;
    uint32_t reserved;
    void *host; /* the host's own */

    /* The map: `height` × `width` finite values, row-major, at whatever resolution the method has: the host enlarges it.
     * `count` is their number. Each side is 1 to 16384, the area at most 67108864. Exactly once in a call that returns
     * CAMTUI_OK. Where the description says `rectify`, this is the map before its outermost ReLU.
     * [during explain; in: copied] */
    camtui_status (*map)(const camtui_sink *sink, uint32_t height, uint32_t width, const float *values, uint64_t count);

    /* A further map beside it (a concept, a standard deviation), by name. At most 256.
     * [during explain; in: copied] */
    camtui_status (*channel)(const camtui_sink *sink, camtui_text name, uint32_t height, uint32_t width,
                             const float *values, uint64_t count);

    /* The layer that the map is of, or CAMTUI_IMAGE. Without this call it is the chosen one for an explainer
     * that needs activations, and the image for others.
     * [during explain] */
    camtui_status (*layer)(const camtui_sink *sink, uint32_t layer_or_image);

    /* A diagnostic: one sentence that helps to read the map. At most 64.
     * [during explain; in: copied] */
    camtui_status (*note)(const camtui_sink *sink, camtui_text sentence);

    /* Why there is no map: one sentence for the user that says what was tried, what is wrong and what to do. The host puts
     * the plugin's and the explainer's name before it. Then return CAMTUI_FAILED, or CAMTUI_NOT_SUPPORTED where the request
     * is one that the method cannot serve.
     * [during explain; in: copied] */
    camtui_status (*error)(const camtui_sink *sink, camtui_text sentence);

    /* An optional capability by name and version, or NULL.
     * [during explain; in: copied; out: until explain] */
    const void *(*get_extension)(const camtui_sink *sink, camtui_text name);

    /* What the map is the sum of: `count` planes of the map's own size, one after the other, `total` finite values in all (at
     * most 268435456). For methods that weigh activations these are the weighted channels, w_k·A_k. Exactly once where the
     * description says gives_terms and the session says wants_terms.
     * [during explain; in: copied] */
    camtui_status (*terms)(const camtui_sink *sink, uint32_t count, uint32_t height, uint32_t width, const float *values,
                           uint64_t total);
};

/* `return camtui_fail(sink, CAMTUI_NOT_SUPPORTED, "the window is larger than the picture; take a smaller one");` */
static inline camtui_status camtui_fail(const camtui_sink *sink, camtui_status status, const char *sentence) {
    sink->error(sink, camtui_text_of(sentence));
    return status;
}

/* What `explain` returns when a call of the session answered `status`, which is not CAMTUI_OK: hands the host's sentence
 * on. `if (status != CAMTUI_OK) return camtui_pass_on(session, sink, status);` */
static inline camtui_status camtui_pass_on(const camtui_session *session, const camtui_sink *sink, camtui_status status) {
    if (status == CAMTUI_CANCELLED) return status;
    sink->error(sink, session->last_error(session));
    return status == CAMTUI_NOT_SUPPORTED ? status : CAMTUI_FAILED;
}

/* ==== The explainer ==== */

/* What it asks the session for, or-ed: the host prepares it, and shows it. */
#define CAMTUI_NEEDS_ACTIVATIONS 1u
#define CAMTUI_NEEDS_GRADIENTS 2u
#define CAMTUI_NEEDS_FORWARD 4u
#define CAMTUI_NEEDS_BIASED_GRADIENTS 8u /* gradients at all layers that add a bias, and at the image */
#define CAMTUI_NEEDS_EXACT_ACTIVATIONS 16u /* it compares activations with a threshold, so that rounding of a few millionths of
                                              the largest makes a difference */

typedef struct camtui_explainer camtui_explainer;

/* What an explainer is. The plugin's, with all that it points to, for ever: `static const`. */
struct camtui_explainer {
    uint32_t size;
    uint32_t needs;          /* CAMTUI_NEEDS_… */
    camtui_text id;          /* what the user types: 1 to 64 of a-z 0-9 - + . _, beginning with a letter or
                                digit; unique in the library; it never changes */
    camtui_text name;        /* what the user reads; empty: the id */
    camtui_text version;     /* of the explainer; part of every result */
    camtui_text summary;     /* one line: the formula or the idea */
    camtui_text reference;   /* the paper, as text or URL; may be empty */
    uint8_t rectify;         /* the method ends in a ReLU: give the map before it, the host applies it,
                                unless the user asks for the signed map */
    uint8_t class_agnostic;  /* the map does not depend on the target */
    uint8_t gives_terms;     /* the map is a sum over channels, whose terms sink->terms is given where they are
                                wanted: what --smooth eigen takes */
    uint8_t reserved[1];
    uint32_t param_count;    /* at most 256 */
    const camtui_param *const *params;
    void *context;           /* the plugin's own */

    /* Computes one map. Returns CAMTUI_OK after sink->map; CAMTUI_FAILED or CAMTUI_NOT_SUPPORTED after sink->error; or
     * CAMTUI_CANCELLED.
     * [any thread; in: until it returns] `self` is this struct. */
    camtui_status (*explain)(const camtui_explainer *self, const camtui_session *session, const camtui_values *values,
                             const camtui_sink *sink);

    /* An optional capability of the explainer by name and version, or NULL. May be NULL.
     * [any thread; in: until it returns; out: for ever] */
    const void *(*get_extension)(const camtui_explainer *self, camtui_text name);
};

/* ==== The library ==== */

typedef struct camtui_host camtui_host;

/* The program. Owned by the host, lives for ever. */
struct camtui_host {
    uint32_t size;
    uint32_t abi_minor;  /* the host's minor version */
    camtui_text name;    /* "camtui" */
    camtui_text version; /* of the program */

    /* A line for the log; `level` is CAMTUI_LOG_…. Within `explain`, session->log is better: it knows which call it belongs
     * to.
     * [from any thread, at any time after `initialise` was called; in: copied] */
    void (*log)(const camtui_host *host, uint32_t level, camtui_text line);

    /* An optional capability of the program by name and version, or NULL.
     * [as `log`; in: copied; out: for ever] */
    const void *(*get_extension)(const camtui_host *host, camtui_text name);
};

/*
 * What a library exports, under the name camtui_plugin_entry. It must be constant data: the host reads the fields up to
 * `size` from the file, before it loads the library. Those never change, in any version. CAMTUI_EXPLAINERS writes it.
 */
typedef struct camtui_entry {
    uint8_t magic[8];   /* CAMTUI_MAGIC */
    uint32_t abi_major; /* CAMTUI_ABI_MAJOR */
    uint32_t abi_minor; /* CAMTUI_ABI_MINOR */
    uint32_t size;      /* sizeof(camtui_entry) */
    uint32_t reserved;

    /* Called before any other function, perhaps more than once with the same host. Anything but CAMTUI_OK means that the
     * library cannot be used. May be NULL.
     * [one at a time; in: for ever] */
    camtui_status (*initialise)(const camtui_host *host);

    /* How many explainers there are: 1 to 1024, always the same. Returns at once.
     * [one at a time] */
    uint32_t (*explainer_count)(void);

    /* Explainer `index`, below the count; always the same. Returns at once: nothing is computed.
     * [one at a time; out: for ever] */
    const camtui_explainer *(*explainer)(uint32_t index);

    /* An optional capability of the library by name and version, or NULL. May be NULL.
     * [any thread; in: until it returns; out: for ever] */
    const void *(*get_extension)(camtui_text name);
} camtui_entry;

/* The plugin defines it; this declaration gives it C's name and makes it visible, in C++ too. */
extern CAMTUI_EXPORT const camtui_entry camtui_plugin_entry;

/*
 * Exports an array of explainers, once in a library:
 *
 *     static const camtui_explainer EXPLAINERS[] = { { … }, { … } };
 *     CAMTUI_EXPLAINERS(EXPLAINERS)
 *
 * A library that needs `initialise` or an extension, or is in another language, writes the entry itself, in the same way.
 */
#define CAMTUI_EXPLAINERS(array) \
    static uint32_t camtui_count_of_##array(void) { return (uint32_t)(sizeof(array) / sizeof((array)[0])); } \
    static const camtui_explainer *camtui_one_of_##array(uint32_t index) { \
        return index < camtui_count_of_##array() ? &(array)[index] : NULL; \
    } \
    const camtui_entry camtui_plugin_entry = { \
        CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, \
        NULL, camtui_count_of_##array, camtui_one_of_##array, NULL, \
    };

#ifdef __cplusplus
}
#endif

#endif /* CAMTUI_PLUGIN_H */
