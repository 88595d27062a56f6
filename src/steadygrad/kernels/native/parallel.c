/* Fork and join without a pool: nothing survives a call, so nothing can break in a forked process. */
#include "statistics.h"

#define MOST_THREADS 64

#if defined(_WIN32)
void in_parallel(void (*work)(void *job, int part, int parts), void *job, int parts) {
    (void)parts;
    work(job, 0, 1);
}
#else
#include <pthread.h>

typedef struct {
    void (*work)(void *job, int part, int parts);
    void *job;
    int part, parts;
} Share;

static void *run_share(void *given) {
    const Share *share = (const Share *)given;
    share->work(share->job, share->part, share->parts);
    return 0;
}

void in_parallel(void (*work)(void *job, int part, int parts), void *job, int parts) {
    pthread_t thread[MOST_THREADS];
    Share share[MOST_THREADS];
    int started[MOST_THREADS];
    if (parts < 1) parts = 1;
    if (parts > MOST_THREADS) parts = MOST_THREADS;
    for (int part = parts - 1; part >= 0; part--) {
        share[part] = (Share){work, job, part, parts};
        started[part] = part > 0 && pthread_create(&thread[part], 0, run_share, &share[part]) == 0;
        if (!started[part]) run_share(&share[part]); /* the caller's own part, and those no thread could be had for */
    }
    for (int part = 0; part < parts; part++)
        if (started[part]) pthread_join(thread[part], 0);
}
#endif
