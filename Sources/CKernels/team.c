#include "team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// Helpers wait for the next piece of work by spinning for about a fifth of a millisecond, which is longer than one part
// waits for another within a step, and sleep after that, so that a team costs nothing between steps. A team with more
// threads than there are processors sleeps at once: whoever spins there keeps the others from working.
enum { SPINS = 8000 };

struct murmur_team {
    int count, spins;
    void (*body)(void *context, int part);
    void *context;
    atomic_uint round;
    atomic_int busy;
    atomic_int sleeping;
    int is_over;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    pthread_t *threads;
};

struct helper {
    murmur_team *team;
    int part;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void *help(void *argument) {
    struct helper helper = *(struct helper *)argument;
    free(argument);
    murmur_team *team = helper.team;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < team->spins && atomic_load(&team->round) == seen; i++) relax();
        if (atomic_load(&team->round) == seen) {
            pthread_mutex_lock(&team->mutex);
            atomic_fetch_add(&team->sleeping, 1);
            while (atomic_load(&team->round) == seen) pthread_cond_wait(&team->wake, &team->mutex);
            atomic_fetch_sub(&team->sleeping, 1);
            pthread_mutex_unlock(&team->mutex);
        }
        seen++;
        if (team->is_over) return NULL;
        team->body(team->context, helper.part);
        if (atomic_fetch_sub(&team->busy, 1) == 1) {
            pthread_mutex_lock(&team->mutex);
            pthread_cond_signal(&team->done);
            pthread_mutex_unlock(&team->mutex);
        }
    }
}

murmur_team *murmur_team_new(int count) {
    murmur_team *team = calloc(1, sizeof(murmur_team));
    if (!team) return NULL;
    team->threads = calloc((size_t)count, sizeof(pthread_t));
    if (!team->threads) {
        free(team);
        return NULL;
    }
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->wake, NULL);
    pthread_cond_init(&team->done, NULL);
    team->count = 1;
    team->spins = count <= sysconf(_SC_NPROCESSORS_ONLN) ? SPINS : 0;
    for (int part = 1; part < count; part++) {
        struct helper *helper = malloc(sizeof(struct helper));
        if (!helper) break;
        *helper = (struct helper){team, part};
        if (pthread_create(&team->threads[part], NULL, help, helper) != 0) {
            free(helper);
            break;
        }
        team->count = part + 1;
    }
    return team;
}

int murmur_team_count(const murmur_team *team) { return team->count; }

static void release(murmur_team *team) {
    atomic_fetch_add(&team->round, 1);
    if (atomic_load(&team->sleeping) > 0) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_broadcast(&team->wake);
        pthread_mutex_unlock(&team->mutex);
    }
}

void murmur_team_run(murmur_team *team, void (*body)(void *context, int part), void *context) {
    if (team->count == 1) {
        body(context, 0);
        return;
    }
    team->body = body;
    team->context = context;
    atomic_store(&team->busy, team->count - 1);
    release(team);
    body(context, 0);
    for (int i = 0; i < team->spins && atomic_load(&team->busy) > 0; i++) relax();
    if (atomic_load(&team->busy) == 0) return;
    pthread_mutex_lock(&team->mutex);
    while (atomic_load(&team->busy) > 0) pthread_cond_wait(&team->done, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

void murmur_team_free(murmur_team *team) {
    team->is_over = 1;
    release(team);
    for (int part = 1; part < team->count; part++) pthread_join(team->threads[part], NULL);
    pthread_cond_destroy(&team->done);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->mutex);
    free(team->threads);
    free(team);
}
