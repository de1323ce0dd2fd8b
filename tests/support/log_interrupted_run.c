/* Logs the same values four times: to LOGDIR/whole in one go, and to LOGDIR/interrupted with two
 * kills.  Each time the run goes on from a checkpoint that is some steps older.  LOGDIR/rotated and
 * LOGDIR/rotated_interrupted are the same in files of a MiB, with pictures that fill these. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

enum { STEPS = 90, FILLER_SIDE = 400, FILE_BYTES = 1 << 20 };

/* Noise, which stays as large as it is: two of them are almost a file. */
static void log_filler(tb_writer *w, int64_t step)
{
    static uint8_t pixels[FILLER_SIDE * FILLER_SIDE * 3];
    uint32_t noise = (uint32_t)step + 1;
    for (size_t i = 0; i < sizeof pixels; i++) {
        noise = noise * 1664525 + 1013904223;
        pixels[i] = (uint8_t)(noise >> 24);
    }
    tb_log_image(w, "filler", &(tb_image){.data = pixels, .width = FILLER_SIDE,
                                          .height = FILLER_SIDE, .channels = 3}, step);
    tb_flush(w);
}

static void log_step(tb_writer *w, int64_t step)
{
    float weights[64];
    uint8_t pixels[8 * 8];
    char words[32];
    for (int i = 0; i < 64; i++)
        weights[i] = (float)((i * 7 + step) % 64);
    memset(pixels, (int)step, sizeof pixels);
    snprintf(words, sizeof words, "step %d", (int)step);
    tb_log_scalar(w, "loss", 100.0 / (double)(step + 1), step);
    tb_log_scalars(w, (tb_scalar[]){{"rate/a", (double)step}, {"rate/b", (double)-step}}, 2, step);
    if (step % 10 != 0)
        return;
    tb_log_histogram(w, "weights", weights, 64, TB_FLOAT32, step);
    tb_log_image(w, "picture", &(tb_image){.data = pixels, .width = 8, .height = 8}, step);
    tb_log_text(w, "words", words, step);
}

static void log_steps(const char *dir, const tb_options *options, int64_t first, int64_t end,
                      bool is_killed)
{
    tb_writer *w = tb_open(dir, options);
    if (w == NULL)
        _exit(1);
    for (int64_t step = first; step < end; step++) {
        log_step(w, step);
        if (options != NULL && options->max_file_bytes > 0 && step % 10 == 5)
            log_filler(w, step);
    }
    if (is_killed)
        kill(getpid(), SIGKILL);
    _exit(tb_close(w) == TB_STATUS_OK ? 0 : 1);
}

static void in_a_child(const char *dir, const tb_options *options, int64_t first, int64_t end,
                       bool is_killed)
{
    int status;
    pid_t id = fork();
    if (id == 0)
        log_steps(dir, options, first, end, is_killed);
    if (id < 0 || waitpid(id, &status, 0) != id
        || (is_killed ? !WIFSIGNALED(status) : !WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        fprintf(stderr, "%s: steps %d to %d went wrong\n", dir, (int)first, (int)end);
        exit(1);
    }
}

static void log_with_kills(const char *dir, uint64_t max_file_bytes)
{
    tb_options first = {.max_file_bytes = max_file_bytes}, second = first, third = first;
    second.resume = third.resume = true;
    second.purge_step = 31;
    third.purge_step = 60;
    in_a_child(dir, &first, 0, 45, true);
    in_a_child(dir, &second, second.purge_step, 72, true);
    in_a_child(dir, &third, third.purge_step, STEPS, false);
}

int main(int argc, char **argv)
{
    char dir[1024];
    if (argc != 2) {
        fprintf(stderr, "usage: %s LOGDIR\n", argv[0]);
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/whole", argv[1]);
    in_a_child(dir, NULL, 0, STEPS, false);
    snprintf(dir, sizeof dir, "%s/interrupted", argv[1]);
    log_with_kills(dir, 0);
    snprintf(dir, sizeof dir, "%s/rotated", argv[1]);
    in_a_child(dir, &(tb_options){.max_file_bytes = FILE_BYTES}, 0, STEPS, false);
    snprintf(dir, sizeof dir, "%s/rotated_interrupted", argv[1]);
    log_with_kills(dir, FILE_BYTES);
    return 0;
}
