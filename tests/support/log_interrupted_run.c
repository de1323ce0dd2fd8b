/* Logs the same values twice: to LOGDIR/whole in one go, and to LOGDIR/interrupted with two kills.
 * Each time the run goes on from a checkpoint that is some steps older. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

enum { STEPS = 90 };

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
    for (int64_t step = first; step < end; step++)
        log_step(w, step);
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
    in_a_child(dir, NULL, 0, 45, true);
    in_a_child(dir, &(tb_options){.resume = true, .purge_step = 31}, 31, 72, true);
    in_a_child(dir, &(tb_options){.resume = true, .purge_step = 60}, 60, STEPS, false);
    return 0;
}
