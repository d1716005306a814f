/*
 * A library whose explainers each do one thing that no explainer may do, beside one that is in order. What a description has no
 * part in is done where the macro LOADED, INITIALISED or DESCRIBED says so: then the library does it by itself, at that point.
 */
#define _GNU_SOURCE 1
#include "camtui_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPLAIN(name)                                                                                                    \
    static camtui_status name(const camtui_explainer *self, const camtui_session *session, const camtui_values *values, \
                              const camtui_sink *sink)
#define UNUSED (void)self, (void)session, (void)values, (void)sink

static camtui_status give(const camtui_sink *sink) {
    const float map[2] = { 0.25f, 0.5f };
    return sink->map(sink, 1, 2, map, 2);
}

static void crash(void) { *(volatile int *)8 = 1; }

static void spin(void) {
    for (volatile unsigned i = 0;; i++) {}
}

static void sleep_on(void) {
    for (;;) sleep(600);
}

/* ------------------------------------------------------------------------------------------------ it ends the process */

EXPLAIN(fine) { return UNUSED, give(sink); }
EXPLAIN(aborts) { UNUSED, abort(); }
EXPLAIN(crashes) { return UNUSED, crash(), give(sink); }
EXPLAIN(exits) { UNUSED, exit(0); }
EXPLAIN(exits_with_1) { UNUSED, exit(1); }
EXPLAIN(leaves) { UNUSED, _exit(0); }
EXPLAIN(terminates) { return UNUSED, raise(SIGTERM), give(sink); }
EXPLAIN(executes) {
    UNUSED;
    execl("/bin/sleep", "sleep", "600", (char *)NULL);
    sink->error(sink, camtui_text_of("it could not become another program"));
    return CAMTUI_FAILED;
}

/* Gives its map, and then does not come back. */
EXPLAIN(gives_and_crashes) { return UNUSED, give(sink), crash(), CAMTUI_OK; }

static int deeper(int depth) {
    volatile char room[4096];
    room[depth % 4096] = (char)depth;
    return depth < 0 ? 0 : deeper(depth + 1) + room[depth % 4096];
}
EXPLAIN(overflows) { return UNUSED, deeper(0) == 7 ? CAMTUI_FAILED : give(sink); }

/* Takes memory and uses it, as long as there is any, and does not ask whether there is. */
EXPLAIN(hoards) {
    UNUSED;
    for (int i = 0; i < 1 << 20; i++) memset(malloc(32 << 20), 1, 32 << 20);
    return give(sink);
}

/* The same with the care that an honest program takes: it is told that there is no more, and says so. */
EXPLAIN(hoards_politely) {
    UNUSED;
    for (;;) {
        char *more = malloc(32 << 20);
        if (!more) break;
        memset(more, 1, 32 << 20);
    }
    sink->error(sink, camtui_text_of("out of memory"));
    return CAMTUI_FAILED;
}

/* --------------------------------------------------------------------------------------------------- it does not end */

EXPLAIN(loops) { return UNUSED, spin(), CAMTUI_OK; }
EXPLAIN(sleeps) { return UNUSED, sleep_on(), CAMTUI_OK; }
EXPLAIN(stops) { return UNUSED, raise(SIGSTOP), give(sink); }

/* Deaf to every signal that one can be deaf to, and to being cancelled, but never silent. */
EXPLAIN(chatters) {
    UNUSED;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int done = 0; !done; usleep(1000)) session->progress(session, 0.5f);
    return CAMTUI_OK;
}

/* The same, as loud as can be: all that it can say, without a pause. */
EXPLAIN(shouts) {
    UNUSED;
    static char line[1024];
    memset(line, 'x', sizeof line);
    const camtui_text text = { line, sizeof line };
    for (volatile int done = 0; !done;) {
        session->progress(session, 1.0f);
        session->log(session, CAMTUI_LOG_WARNING, text);
        sink->note(sink, text);
        sink->error(sink, text);
    }
    return CAMTUI_OK;
}

/* ------------------------------------------------------------------------------------- it meddles with the connection */

EXPLAIN(closes) {
    UNUSED;
    for (int fd = 0; fd < 1024; fd++) close(fd);
    return give(sink);
}

EXPLAIN(floods) {
    UNUSED;
    static char garbage[1 << 16];
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (char)(i * 2654435761u >> 13);
    for (int fd = 3; fd < 256; fd++)
        if (fcntl(fd, F_GETFL) != -1) {
            fcntl(fd, F_SETFL, O_NONBLOCK);
            if (write(fd, garbage, sizeof garbage) < 0) continue;
        }
    return give(sink);
}

/* ------------------------------------------------------------------------- it gives a map, and leaves something behind */

EXPLAIN(prints) {
    UNUSED;
    static char line[1024];
    memset(line, 'x', sizeof line);
    memcpy(line, "\x1b[2J\x1b[31mSCRIBBLED\x1b]0;SCRIBBLED\x07", 31);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 512; i++)
        for (int fd = 1; fd <= 2; fd++)
            if (write(fd, line, sizeof line) < 0 && errno != EPIPE) return CAMTUI_FAILED;
    printf("SCRIBBLED at the end");
    fflush(stdout);
    return give(sink);
}

/* Past its standard streams, at the terminal itself. */
EXPLAIN(scribbles) {
    UNUSED;
    int terminal = open("/dev/tty", O_RDWR);
    if (terminal >= 0 && write(terminal, "\x1b[2JSCRIBBLED", 13) < 0) return CAMTUI_FAILED;
    return give(sink);
}

/* Takes keys that are not its own. There must be none. */
EXPLAIN(reads) {
    UNUSED;
    char keys[64];
    if (read(0, keys, sizeof keys) <= 0) return give(sink);
    sink->error(sink, camtui_text_of("it has read the user's keys"));
    return CAMTUI_FAILED;
}

EXPLAIN(moves) { return UNUSED, chdir("/usr") == 0 ? give(sink) : CAMTUI_FAILED; }

static void handler(int number) { (void)number; }
EXPLAIN(handles) { return UNUSED, signal(SIGUSR1, handler), signal(SIGTERM, SIG_IGN), give(sink); }

EXPLAIN(blocks) {
    UNUSED;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return give(sink);
}

static void *lingering(void *crashes) {
    usleep(crashes ? 20000 : 600000000);
    crash();
    return NULL;
}
EXPLAIN(lingers) {
    UNUSED;
    pthread_t thread;
    pthread_create(&thread, NULL, lingering, NULL);
    return give(sink);
}
EXPLAIN(lingers_and_crashes) {
    UNUSED;
    pthread_t thread;
    pthread_create(&thread, NULL, lingering, (void *)session);
    return give(sink);
}

/* A process of its own, in a session of its own, deaf to what can be refused. */
static camtui_status forked(const camtui_sink *sink, int away) {
    pid_t child = fork();
    if (child == 0) {
        if (away) {
            setsid();
            if (fork() != 0) _exit(0);
        }
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        sleep_on();
    }
    return give(sink);
}
EXPLAIN(forks) { return UNUSED, forked(sink, 0); }
EXPLAIN(forks_away) { return UNUSED, forked(sink, 1); }

/* Writes over what the host gave it to read. Where the host has kept it from that, it ends. */
EXPLAIN(tampers) {
    UNUSED;
    camtui_tensor views[3] = { CAMTUI_TENSOR_INIT, CAMTUI_TENSOR_INIT, CAMTUI_TENSOR_INIT };
    session->input(session, &views[0]);
    session->logits(session, &views[1]);
    session->activation(session, session->chosen_layer, &views[2]);
    for (int i = 0; i < 3; i++) {
        size_t count = 1;
        for (uint32_t axis = 0; axis < views[i].rank; axis++) count *= views[i].shape[axis];
        for (size_t at = 0; views[i].data && at < count; at++) ((float *)views[i].data)[at] = 1e30f;
    }
    return give(sink);
}

EXPLAIN(kills) {
    UNUSED;
    if (kill(getppid(), SIGKILL) == 0) sleep(1);
    sink->error(sink, camtui_text_of("it may not send signals"));
    return CAMTUI_FAILED;
}

/* -------------------------------------------------------------------------------------- it says what cannot be true */

EXPLAIN(nan_map) {
    UNUSED;
    const float map[4] = { 0.0f, NAN, INFINITY, 1.0f };
    return sink->map(sink, 2, 2, map, 4);
}
EXPLAIN(nothing) { return UNUSED, CAMTUI_OK; }
EXPLAIN(twice) { return UNUSED, give(sink), give(sink), CAMTUI_OK; }
EXPLAIN(absurd) {
    UNUSED;
    const float one = 1.0f;
    sink->map(sink, 0xffffffffu, 0xffffffffu, &one, 1);
    return CAMTUI_OK;
}
/* As many values as fit in the bounds, and one of them there. */
EXPLAIN(lies) {
    UNUSED;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return sink->map(sink, 8192, 8192, (const float *)(void *)page, 8192ull * 8192ull);
}
EXPLAIN(garbles) {
    UNUSED;
    sink->error(sink, camtui_text_of("it is \x1b[2J\x1b]0;SCRIBBLED\x07\xff\xfe\r\n broken \xe2\x80\xae off"));
    return CAMTUI_FAILED;
}
EXPLAIN(status_77) { return UNUSED, 77; }

/* --------------------------------------------------------------------------------------------------------- the library */

#define ONE(what, function) { .size = sizeof(camtui_explainer), .needs = CAMTUI_NEEDS_ACTIVATIONS, .id = CAMTUI_TEXT(what), \
                              .version = CAMTUI_TEXT("1"), .explain = function }

static const camtui_explainer EXPLAINERS[] = {
    ONE("fine", fine), ONE("aborts", aborts), ONE("crashes", crashes), ONE("exits", exits),
    ONE("exits-with-1", exits_with_1), ONE("leaves", leaves), ONE("terminates", terminates), ONE("executes", executes),
    ONE("gives-and-crashes", gives_and_crashes), ONE("overflows", overflows), ONE("hoards", hoards),
    ONE("hoards-politely", hoards_politely), ONE("loops", loops), ONE("sleeps", sleeps), ONE("stops", stops),
    ONE("chatters", chatters), ONE("shouts", shouts), ONE("closes", closes), ONE("floods", floods), ONE("prints", prints),
    ONE("scribbles", scribbles), ONE("reads", reads), ONE("moves", moves), ONE("handles", handles), ONE("blocks", blocks),
    ONE("lingers", lingers), ONE("lingers-and-crashes", lingers_and_crashes), ONE("forks", forks),
    ONE("forks-away", forks_away), ONE("tampers", tampers), ONE("kills", kills), ONE("nan", nan_map),
    ONE("nothing", nothing), ONE("twice", twice), ONE("absurd", absurd), ONE("lies", lies), ONE("garbles", garbles),
    ONE("status-77", status_77),
};

#ifndef LOADED
#define LOADED (void)0
#endif
#ifndef INITIALISED
#define INITIALISED (void)0
#endif
#ifndef DESCRIBED
#define DESCRIBED (void)0
#endif

__attribute__((constructor)) static void loaded(void) { LOADED; }

static camtui_status initialise(const camtui_host *host) {
    (void)host;
    INITIALISED;
    return CAMTUI_OK;
}

static uint32_t explainer_count(void) { return sizeof EXPLAINERS / sizeof *EXPLAINERS; }

static const camtui_explainer *explainer(uint32_t index) {
    DESCRIBED;
    return index < explainer_count() ? &EXPLAINERS[index] : NULL;
}

CAMTUI_EXPORT const camtui_entry camtui_plugin_entry = {
    CAMTUI_MAGIC, CAMTUI_ABI_MAJOR, CAMTUI_ABI_MINOR, sizeof(camtui_entry), 0, initialise, explainer_count, explainer, NULL,
};
