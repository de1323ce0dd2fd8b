/* tblog: write TensorBoard logs from C.
 *
 *     #include <tblog.h>
 *
 *     tb_writer *train = tb_open("logs/run1/train", NULL);
 *     for (int64_t step = 0; step < steps; step++) {
 *         double loss = train_step();
 *         tb_log_scalar(train, "loss", loss, step);
 *         if (step % 100 == 0)
 *             tb_log_histogram(train, "layer1/weights", w1, n, TB_FLOAT32, step);
 *     }
 *     tb_close(train);
 *
 * Then `tensorboard --logdir logs` shows it.
 *
 * What holds for every call below:
 *   - Data is copied (or reduced) before the call returns; the caller keeps what it passed in.
 *   - Any thread may call on any writer, except that tb_close must be the last call on its writer.
 *     Values that one thread logs keep their order, and so do those that threads log one after
 *     another, as long as their steps do not fall.
 *   - A NULL writer (or tag handle) is switched off: the call does nothing and returns
 *     TB_STATUS_OK.
 *   - A forked child may go on to use its parent's writers: its first value begins a new file
 *     beside that of the parent.  (Better open a run for each process.)
 *   - Encoding of pictures, framing and writing happen in threads of the library, four at most for
 *     all writers (pictures in others as well, see tb_options.image_threads).  A logging call waits
 *     while the queue is full, at most tb_options.full_wait_seconds; it may wait a moment for the
 *     system when the queue grows (a thread's first call, a new tag, the first large values) and
 *     while another thread forks.  tb_log_embedding does all its work at once.
 *   - Calls are not for handlers of signals.  When one calls exit(), what it interrupted may hold a
 *     lock: then the end waits two seconds, and the queue file (see tb_open) keeps the rest.
 *   - Input is checked first.  A refused call returns a status other than TB_STATUS_OK, changes
 *     nothing, and leaves its reason in tb_last_error.  Training code may ignore the result:
 *     whatever was lost also comes back from tb_close.
 *   - Strings are NUL-terminated UTF-8.  Tags are not empty; `/` in a tag makes groups.
 *   - Nothing here aborts, exits, prints (see tb_options.on_error) or touches signal handlers, the
 *     locale or the floating-point environment.
 *   - No exception passes through here.  A C++ thread that is cancelled within a call may end
 *     without its destructors.
 *
 * C99 or later, C++11 or later. */
#ifndef TBLOG_H
#define TBLOG_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#define TBLOG_VERSION_MAJOR 0
#define TBLOG_VERSION_MINOR 1
#define TBLOG_VERSION_PATCH 0
#define TBLOG_VERSION "0.1.0"

#ifndef TBLOG_API
#if defined(__GNUC__)
#define TBLOG_API __attribute__((visibility("default")))
#else
#define TBLOG_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------
 * Limits
 * ------------------------------------------------------------------------------------------ */

/* The largest record that is written.  TensorBoard takes in larger ones slowly (it may check their
 * CRC in Python) or not at all, so a call whose data would exceed it is refused. */
#define TBLOG_MAX_RECORD_BYTES ((size_t)64 << 20)

/* The longest tag, display name, description or node name. */
#define TBLOG_MAX_NAME_BYTES ((size_t)64 << 10)


/* ---------------------------------------------------------------------------------------------
 * Status
 * ------------------------------------------------------------------------------------------ */

typedef enum tb_status {
    TB_STATUS_OK = 0,
    TB_STATUS_INVALID,     /* an argument is not what the call takes; nothing was recorded */
    TB_STATUS_TOO_LARGE,   /* more data than a record or the queue can hold; nothing was recorded */
    TB_STATUS_FULL,        /* the queue stayed full; this value was dropped and counted */
    TB_STATUS_FAILED,      /* a library that does a part of the work failed */
    TB_STATUS_CLOSED,      /* the writer is being closed, or it is the parent's and this child could
                              open no file of its own; the value was dropped */
    TB_STATUS_NO_MEMORY,   /* an allocation failed */
    TB_STATUS_IO,          /* the operating system refused; tb_last_error names the file and why */
    TB_STATUS_CORRUPT,     /* bytes that should hold a given format do not */
    TB_STATUS_UNSUPPORTED  /* not available on this system or in this build */
} tb_status;

/* The words for a status, "invalid argument" for example.  Never NULL; static storage. */
TBLOG_API const char *tb_status_text(tb_status status);

/* The version of the library that is linked, "0.1.0" for example. */
TBLOG_API const char *tb_version(void);

/* Element types of arrays. */
typedef enum tb_dtype {
    TB_UINT8 = 0,
    TB_INT8,
    TB_UINT16,
    TB_INT16,
    TB_UINT32,
    TB_INT32,
    TB_UINT64,
    TB_INT64,
    TB_FLOAT16,  /* IEEE 754 binary16 */
    TB_BFLOAT16, /* the upper half of a binary32 */
    TB_FLOAT32,
    TB_FLOAT64,
    TB_BOOL      /* one byte each; not 0 is true */
} tb_dtype;

/* ---------------------------------------------------------------------------------------------
 * Writer
 * ------------------------------------------------------------------------------------------ */

typedef struct tb_writer tb_writer;

/* Told of errors: a refused call (in the calling thread), values dropped because the queue stayed
 * full, a write that failed (in the writer's thread).  One report per episode of drops or failing
 * writes.  |message| says what was attempted, on what, and why it failed; it is valid during the
 * call.  Several threads may call it at once.  No lock of ours is held, so the callback may call
 * tb_log_* (errors of those calls are not told); it must not call tb_flush, tb_sync or
 * tb_close.  It returns, and does not throw. */
typedef void (*tb_error_fn)(void *arg, tb_status status, const char *message);

/* Zero means default for every member: `tb_options o = {0};` or NULL is the default writer. */
typedef struct tb_options {
    const char *filename_suffix; /* appended to the event file's name; no '/'; default none */
    double flush_seconds;        /* how long a value may wait before it is in the file; default 1,
                                    at least 0.001 */
    double full_wait_seconds;    /* how long a call may wait for room in the queue; default 1;
                                    negative: never wait */
    size_t queue_bytes;          /* room for histograms, images, text and graphs that wait to be
                                    written; default 64 MiB, at least 1 MiB.  Scalars have room of
                                    their own: 8192 for each of the first 63 threads that log,
                                    and as many for all others together; half as many with
                                    a |clock| */
    tb_error_fn on_error;        /* default: the first error of the writer is one line on stderr */
    void *on_error_arg;
    double (*clock)(void *arg);  /* wall time in seconds since 1970 for each value; called in the
                                    logging thread.  Default: the time of the call */
    void *clock_arg;
    uint64_t max_file_bytes;     /* a file of this size is followed by another, whose name sorts
                                    after it; TensorBoard shows one series.  At least 1 MiB;
                                    default 0: one file, however large */
    double sync_seconds;         /* how often what was written is brought to stable storage, as
                                    tb_sync does; at least 0.001; default 0: when the system
                                    likes */
    bool resume;                 /* the run goes on from |purge_step|, as after loading a
                                    checkpoint: points at and after it, which earlier files of
                                    the run hold, disappear from TensorBoard */
    int64_t purge_step;
    bool exact_wall_times;       /* each scalar keeps the very time of its call.  By default those
                                    of one step that are logged within a millisecond share the time
                                    of the first, and an event: files half as large, which
                                    TensorBoard reads in two thirds of the time */
    bool queue_in_memory;        /* no queue file: what waits to be written is lost when the
                                    process is killed */
    size_t image_threads;        /* how many threads encode pictures of 32 KiB or more when several
                                    wait, the writer's own included; at most 64; default 1.  They
                                    start when they are needed, and end at tb_close */
} tb_options;

/* Opens a run: creates |logdir| and missing parents, then a new event file in it whose name sorts
 * after those that are there.  One writer per run directory: a run is a curve's colour in
 * TensorBoard, so use "logs/run1/train" and "logs/run1/validation", or a directory per rank.
 *
 * End with tb_close.  A process that leaves by exit() or by returning from main without it still
 * writes everything.  What a process that is killed, aborts or calls _exit() had logged is in a
 * queue file beside the event file (tblog-queue.*), and the next tb_open of that directory, or
 * tb_recover, brings it to the event file; so does this call.  Where the file system does not
 * allow such a file, tb_stats.queue_in_memory says so.
 *
 * |options| may be NULL and is copied.  Waits for the disk.  Returns NULL on failure, with the
 * reason in tb_last_error(NULL) of this thread and reported as tb_options.on_error says.  Since a
 * NULL writer is switched off, training goes on either way. */
static inline tb_writer *tb_open(const char *logdir, const tb_options *options);

/* The writer of the run |name| below that of |w|: "logs/run1" and "validation" make
 * "logs/run1/validation".  It has the options of |w|, |resume| and |purge_step| included, and is
 * opened at the first call, which waits for the disk; later calls return the same one.  It
 * belongs to |w|: tb_flush, tb_sync and tb_close of |w| are its own too, while its counters and
 * its latest error are its own.  A run takes a file, a queue of its own and 512 KiB for each thread
 * that logs to it: fine for tens of them.
 *
 * |name| is UTF-8, at most 1000 bytes: one or more components of at most 255 bytes with '/'
 * between, none of them empty, "." or "..".  Links are not followed, so that nothing is written
 * outside of the directory of |w|.
 *
 * NULL when |w| is NULL, and on failure, with the reason in tb_last_error(w).  A run that could not
 * be opened is reported once, and tried again at a later call after a pause: 1 second, then twice
 * as long each time, up to a minute. */
TBLOG_API tb_writer *tb_open_run(tb_writer *w, const char *name);

/* What was logged before this call is in the file (handed to the operating system) when it returns.
 * Waits for the disk.  TB_STATUS_OK, or the error that keeps values in the queue; they are tried
 * again later. */
TBLOG_API tb_status tb_flush(tb_writer *w);

/* As tb_flush, and on stable storage (fsync of the file and its directory).  Once that has
 * failed it fails for good: what the system has lost no later call brings back. */
TBLOG_API tb_status tb_sync(tb_writer *w);

/* Writes all that was logged and, last, how the session of a run with hyper-parameters ended; ends
 * the writer's thread, removes the queue file and frees |w| with its tag handles.  Waits for the
 * disk; when that fails, for full_wait_seconds more: what could not be written then stays in the
 * queue file, for tb_recover.  No other call on |w| may be under way or follow.  Returns the first
 * error that lost anything since tb_open, else TB_STATUS_OK; the words are then in
 * tb_last_error(NULL) of this thread.  TB_STATUS_INVALID for a writer of tb_open_run, which goes
 * on: it is closed with the one that it belongs to. */
TBLOG_API tb_status tb_close(tb_writer *w);

/* Brings what killed processes had logged to their event files, in |logdir| and the directories
 * below it (64 levels deep; links and hidden directories are left out), and removes their queue
 * files.  Those of running processes are left alone.  tb_open does so for its own directory, and
 * leaves out what other hosts have left there.  Waits for the disk.
 *
 * Returns the first error, with the words in tb_last_error(NULL) of this thread; the rest was done
 * all the same.
 *
 *   TB_STATUS_INVALID      |logdir| is NULL or empty
 *   TB_STATUS_IO           a directory can't be read, or a file not written: what is left stays for
 *                          the next time
 *   TB_STATUS_CORRUPT      a queue file is damaged, or forged; what can't be believed is not
 *                          brought over.  A file that is no queue at all stays where it is
 *   TB_STATUS_UNSUPPORTED  another version of tblog, or another kind of machine, has made it */
TBLOG_API tb_status tb_recover(const char *logdir);

/* What a writer has done so far.  Counts only grow. */
typedef struct tb_stats {
    uint64_t records;            /* records handed to the operating system */
    uint64_t bytes;              /* bytes of them, framing included */
    uint64_t dropped;            /* values lost: the queue stayed full, or encoding them failed */
    uint64_t refused;            /* calls refused for their arguments */
    uint64_t errors;             /* failed attempts to write */
    uint64_t queue_high_water;   /* most bytes of histograms, images, text and graphs that waited */
    uint64_t nan_values;         /* NaN seen by histograms, not in any bucket */
    uint64_t infinite_values;    /* infinities seen by histograms, not in any bucket */
    uint64_t outside_values;     /* values outside the edges of their histogram */
    uint64_t recovered;          /* values of killed processes that tb_open brought over */
    uint64_t queue_in_memory;    /* 1: what waits to be written, or a part of it, is not in a queue
                                    file and would be lost if the process were killed */
    uint64_t clipped_samples;    /* samples of audio beyond -1..1, or NaN */
} tb_stats;

/* Copies the counters to |out|; all zero for a NULL |w|.  Does not wait. */
static inline tb_status tb_get_stats(const tb_writer *w, tb_stats *out);

/* The words of the latest error of |w|, or for NULL those of the latest tb_open, tb_close or
 * tb_recover in this thread that failed; "" when there was none.  Valid until the next
 * tb_last_error in this thread. */
TBLOG_API const char *tb_last_error(const tb_writer *w);

/* The directory of the run, as tb_open was told it, with its name behind for a run of tb_open_run;
 * "" for a NULL |w|.  Valid until tb_close. */
TBLOG_API const char *tb_logdir(const tb_writer *w);

/* The path of the event file that |w| writes now; "" for a NULL |w|, or when memory is short.
 * Valid until the next tb_event_file in this thread. */
TBLOG_API const char *tb_event_file(const tb_writer *w);

/* ---------------------------------------------------------------------------------------------
 * Scalars
 * ------------------------------------------------------------------------------------------ */

/* Records |value| for |tag| at |step|, stamped with the time of the call.  NaN and infinities are
 * recorded and shown as such.  TensorBoard keeps float32; a value beyond its range becomes
 * infinite.
 *
 * Steps of a tag should grow from call to call: TensorBoard's fast loader drops the points at and
 * after a step that comes again.
 *
 *   TB_STATUS_INVALID  |tag| is NULL, empty, too long, not UTF-8, or already a tag of another kind
 *   TB_STATUS_FULL     the queue stayed full; this value was dropped and counted */
TBLOG_API tb_status tb_log_scalar(tb_writer *w, const char *tag, double value, int64_t step);

/* tb_log_scalar with the time given, in seconds since 1970 and up to the year 9999: for logs that
 * are brought over from elsewhere.  (For data of other kinds see tb_use_wall_time.) */
TBLOG_API tb_status tb_log_scalar_at(tb_writer *w, const char *tag, double value, int64_t step,
                                     double wall_time);

typedef struct tb_scalar {
    const char *tag;
    double value;
} tb_scalar;

/* Records |count| values of one step together: smaller files and faster loading than one call
 * each.  All or none are recorded; 0 values are fine.  Give each tag once: of two values of one
 * tag and step TensorBoard's fast loader shows the last.  Errors as for tb_log_scalar, and
 * TB_STATUS_TOO_LARGE beyond 4096 values. */
TBLOG_API tb_status tb_log_scalars(tb_writer *w, const tb_scalar *scalars, size_t count,
                                   int64_t step);

/* Records |count| values under one |tag|, each in a run of its own below that of |w|, whose name is
 * the value's: one chart with a line for each in the Scalars tab, as add_scalars of torch does.
 * The runs are those of tb_open_run, so the first call waits for the disk.  (tb_log_series needs
 * no runs.)
 *
 *     tb_scalar loss[] = { { "train", 0.31 }, { "validation", 0.35 } };
 *     tb_log_scalars_by_run(w, "loss", loss, 2, step);     // in logs/run1/train, .../validation
 *
 * Where a run can't be opened, its value is lost and the others are recorded.  Errors as for
 * tb_log_scalar and tb_open_run, the first of them; nothing is recorded when a name or |tag| is
 * refused. */
TBLOG_API tb_status tb_log_scalars_by_run(tb_writer *w, const char *tag, const tb_scalar *series,
                                          size_t count, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Tags: names for a chart, and the fastest way to log a scalar
 * ------------------------------------------------------------------------------------------ */

typedef enum tb_kind {
    TB_KIND_SCALAR = 0,
    TB_KIND_HISTOGRAM,
    TB_KIND_IMAGE,
    TB_KIND_TEXT,
    TB_KIND_AUDIO,
    TB_KIND_TENSOR
} tb_kind;

typedef struct tb_tag tb_tag;

typedef struct tb_tag_options {
    tb_kind kind;             /* what the tag will hold; default scalars */
    const char *display_name; /* the chart's title; default the tag */
    const char *description;  /* Markdown, shown by the chart's "i" button; default none */
    const char *plugin_name;  /* of tensors: a plugin of your own that shows them; not one of those
                                 whose data other calls log.  Default "tensor" */
    const void *plugin_content; /* what that plugin reads of the tag; default none */
    size_t plugin_content_size; /* at most TBLOG_MAX_NAME_BYTES */
} tb_tag_options;

/* Opens a handle for |name|, which tb_tag_log uses without looking the name up.  Tags of any kind
 * can be opened to give them a display name and description; do it before their first value, since
 * TensorBoard keeps what comes with the first.  Opening a tag again returns the same handle, with
 * the names of the first time.  |options| may be NULL.
 *
 * The handle belongs to |w| and ends with it.  NULL on bad input, with the reason in
 * tb_last_error(w), or when |w| is NULL. */
static inline tb_tag *tb_tag_open(tb_writer *w, const char *name, const tb_tag_options *options);

/* As tb_log_scalar, for a handle of kind TB_KIND_SCALAR.  NULL does nothing. */
TBLOG_API tb_status tb_tag_log(tb_tag *tag, double value, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Custom scalars: charts of several tags of one run
 * ------------------------------------------------------------------------------------------ */

/* Records |count| values of one step as the scalars "CHART/NAME", as tb_log_scalars does, and has
 * the Custom Scalars tab show them together: |chart| is a chart there, under "series", with a line
 * for each.  The tab's layout is written when a chart or a line is new.
 *
 *     tb_scalar loss[] = { { "train", 0.31 }, { "validation", 0.35 } };
 *     tb_log_series(w, "loss", loss, 2, step);             // tags loss/train, loss/validation
 *
 *   TB_STATUS_INVALID    |chart| or a name is NULL, empty, not UTF-8, or both together are too long
 *                        or already a tag of another kind
 *   TB_STATUS_TOO_LARGE  more than 4096 values, or more charts and lines than 256 KiB hold
 *   TB_STATUS_FULL       the queue stayed full: the values were dropped and counted, or only the
 *                        layout, which is then tried again at the next call */
TBLOG_API tb_status tb_log_series(tb_writer *w, const char *chart, const tb_scalar *series,
                                  size_t count, int64_t step);

/* A line with a band around it: three tags, logged at the same steps. */
typedef struct tb_margin {
    const char *value;
    const char *lower;
    const char *upper;
} tb_margin;

/* One chart: a line for each of its tags, or margins. */
typedef struct tb_chart {
    const char *title;
    const char *const *tags;
    size_t tag_count;
    bool regex;               /* the tags are regular expressions of Python's, and each matches all
                                 tags that begin so; by default a tag is just that */
    const tb_margin *margins; /* instead of tags */
    size_t margin_count;
} tb_chart;

typedef struct tb_category {
    const char *title;
    const tb_chart *charts;
    size_t chart_count;
    bool closed; /* folded when the page opens */
} tb_category;

/* Lays out the Custom Scalars tab.  A later call replaces the categories of the one before; what
 * tb_log_series has added stays.  A process that goes on with a run lays out its tab anew.  A chart
 * shows the tags of each run.  TensorBoard merges the layouts of several runs by their titles, so
 * give all runs the same categories: of one that the first run by name lacks, it shows the charts
 * of one run alone.
 *
 *   TB_STATUS_INVALID    a title or tag is NULL, empty, too long or not UTF-8, or a chart has
 *                        neither tags nor margins, or both
 *   TB_STATUS_TOO_LARGE  it exceeds 256 KiB
 *   TB_STATUS_FULL       the queue stayed full; it is tried again at the next call of
 *                        tb_log_layout or tb_log_series */
TBLOG_API tb_status tb_log_layout(tb_writer *w, const tb_category *categories, size_t count);

/* ---------------------------------------------------------------------------------------------
 * Histograms
 * ------------------------------------------------------------------------------------------ */

/* Records the distribution of |count| elements of |data|, packed, of type |dtype|, in TensorBoard's
 * exponential buckets (limits at +-1e-12 * 1.1^k).  The data is reduced in this call, with less
 * than 64 KiB of memory; 512 KiB for a million or more elements of 16 bits.  NaN and
 * infinities are counted in tb_stats and kept out of the buckets.  No data makes an empty plot.
 *
 *   TB_STATUS_INVALID    a bad tag, an unknown |dtype|, or |data| is NULL with |count| > 0
 *   TB_STATUS_FULL       the queue stayed full; this histogram was dropped and counted
 *   TB_STATUS_NO_MEMORY  it was dropped and counted */
TBLOG_API tb_status tb_log_histogram(tb_writer *w, const char *tag, const void *data, size_t count,
                                     tb_dtype dtype, int64_t step);

/* NumPy's rules for how many bins there should be: numpy.histogram_bin_edges (NumPy 2.4) says the
 * same of the finite values, as doubles or as integers.  (TB_BINS_STONE may differ where many
 * values are on edges of bins: those here are not rounded as NumPy's.) */
typedef enum tb_bins_rule {
    TB_BINS_GIVEN = 0, /* no rule */
    TB_BINS_AUTO,      /* "auto": of the next and Sturges' the one with more bins, but at most twice
                          the square root of the number of values */
    TB_BINS_FD,        /* "fd", Freedman and Diaconis: by the distance of the quartiles */
    TB_BINS_DOANE,     /* "doane": Sturges', corrected by the skewness */
    TB_BINS_SCOTT,     /* "scott": by the standard deviation */
    TB_BINS_STONE,     /* "stone": the least estimated error */
    TB_BINS_RICE,      /* "rice": twice the cube root of the number of values */
    TB_BINS_STURGES,   /* "sturges": its logarithm to the base of 2, and one */
    TB_BINS_SQRT       /* "sqrt": its square root */
} tb_bins_rule;

/* How to walk |data|, into which bins it goes, and who does the work.  Strides are in elements and
 * may be negative or zero. */
typedef struct tb_histogram_options {
    ptrdiff_t stride;         /* from one element to the next; 0: 1.  Only with rank 0 */
    size_t rank;              /* an array of |rank| dimensions, at most 8; 0: one dimension */
    const size_t *shape;      /* |rank| sizes; their product is |count| */
    const ptrdiff_t *strides; /* |rank| strides; NULL: packed, last dimension fastest */
    size_t bins;              /* how many; 0: the exponential buckets */
    const double *edges;      /* |bins| + 1 growing numbers: bin i is [edges[i], edges[i + 1]), the
                                 last one with its right edge; what is outside is counted in
                                 tb_stats.  NULL: of equal width from the smallest value to the
                                 largest */
    tb_bins_rule rule;        /* of equal width, and as many as it says; |bins| is 0 then.  That
                                 takes one more look at the data; TB_BINS_DOANE two; TB_BINS_AUTO
                                 and TB_BINS_FD seven, some 20 ns an element; TB_BINS_STONE as many
                                 as the square root of its size, at least 100 */
    size_t threads;           /* how many may reduce the data together, the caller's among them; 0:
                                 1; at most 64.  The others are started for this call, end with it,
                                 and pay from about a million elements on.  The result is the same
                                 in every bit for any number of them, or when the system gives
                                 none */
    bool on_worker;           /* this call only copies the data, packed, and the writer's thread
                                 reduces it.  A copy that exceeds half of the queue or of
                                 TBLOG_MAX_RECORD_BYTES is not made: the data is reduced in this
                                 call then.  tb_stats has NaN and the like when that is done, and
                                 a rule that asks for too many bins is reported then */
    bool statistics;          /* also what tb_log_statistics logs: all or nothing is recorded */
} tb_histogram_options;

/* tb_log_histogram of a strided view, in other bins, or in other threads; |options| NULL: packed.
 *
 *   TB_STATUS_INVALID    as tb_log_histogram, and options that are not as said above
 *   TB_STATUS_TOO_LARGE  more bins than a record holds; a rule may ask for them, TB_BINS_FD above
 *                        all, where most values are close together and a few are far away */
TBLOG_API tb_status tb_log_histogram_with(tb_writer *w, const char *tag, const void *data,
                                          size_t count, tb_dtype dtype, int64_t step,
                                          const tb_histogram_options *options);

/* Records what |count| elements of |data|, packed, of type |dtype|, are like, as scalars in one
 * event: where a run breaks is seen at a glance.
 *
 *   stats/|tag|/count             of all elements
 *   stats/|tag|/mean, std         of the finite ones, as the next two; of a population (divided by
 *                                 their number).  Not logged when there are none
 *   stats/|tag|/min, max
 *   stats/|tag|/zeros, nan, inf   how many of these; -0 is a zero, and both infinities count
 *
 * All or none are recorded.  Sums are such that large offsets, denormals and numbers whose squares
 * exceed a double do no harm.  Errors as for tb_log_histogram, for any of the tags. */
TBLOG_API tb_status tb_log_statistics(tb_writer *w, const char *tag, const void *data, size_t count,
                                      tb_dtype dtype, int64_t step);

/* Ready-made buckets: bucket i counts the values in [edges[i], edges[i + 1]). */
typedef struct tb_histogram {
    const double *edges;    /* bucket_count + 1 finite values, each larger than the one before */
    const double *counts;   /* bucket_count finite values, none negative */
    size_t bucket_count;    /* 0: no data */
    double min, max;        /* of the data; both 0: the outer edges of the buckets in use */
    double sum, sum_squares; /* of the data; both 0: estimated from the buckets' middles */
} tb_histogram;

/* Records ready-made buckets.  TB_STATUS_INVALID when they are not as tb_histogram says. */
TBLOG_API tb_status tb_log_histogram_raw(tb_writer *w, const char *tag,
                                         const tb_histogram *histogram, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Images
 * ------------------------------------------------------------------------------------------ */

/* Pixels.  Zero means default; a literal with designated initialisers is the idiom:
 *     &(tb_image){ .data = rgb, .width = 640, .height = 480, .channels = 3 }
 * Planar (CHW) float pixels:
 *     &(tb_image){ .data = chw, .width = W, .height = H, .channels = 3, .dtype = TB_FLOAT32,
 *                  .x_stride = 1, .y_stride = W, .channel_stride = W * H } */
typedef struct tb_image {
    const void *data;
    size_t width, height;     /* pixels, at least 1 */
    size_t channels;          /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; default 1 */
    tb_dtype dtype;           /* TB_UINT8 0..255, TB_UINT16 0..65535 (kept as 16 bit), TB_BOOL
                                 (0 black, else white), or a float type 0..1 (clamped, made 8 bit;
                                 NaN becomes 0).  tb_log_image_with takes others too */
    ptrdiff_t x_stride, y_stride, channel_stride; /* in elements, negative ones too; all 0: packed
                                                     height x width x channels.  That of a
                                                     dimension of size 1 is not looked at */
} tb_image;

/* Records a picture as PNG without loss.  This call copies the pixels; compression happens on the
 * writer's thread.
 *
 *   TB_STATUS_INVALID    a bad tag, no data, a zero size, unknown channels or dtype, or strides
 *                        given only in part
 *   TB_STATUS_TOO_LARGE  the PNG might exceed TBLOG_MAX_RECORD_BYTES less 256 KiB (noise does not
 *                        get smaller), or the packed pixels exceed the queue
 *   TB_STATUS_FULL       the queue stayed full; this picture was dropped and counted */
TBLOG_API tb_status tb_log_image(tb_writer *w, const char *tag, const tb_image *image,
                                 int64_t step);

/* Records one or more pictures of one step; TensorBoard shows each as a sample.  They may differ in
 * size. */
TBLOG_API tb_status tb_log_images(tb_writer *w, const char *tag, const tb_image *images,
                                  size_t count, int64_t step);

/* Colours for the values of one channel: those of matplotlib's colour maps that are named here. */
typedef enum tb_colormap {
    TB_COLORMAP_NONE = 0,
    TB_COLORMAP_GREY,     /* "gray" */
    TB_COLORMAP_VIRIDIS,  /* "viridis" */
    TB_COLORMAP_MAGMA,    /* "magma" */
    TB_COLORMAP_DIVERGING /* "coolwarm": blue below the middle of the range, red above */
} tb_colormap;

/* A box to draw on a picture. */
typedef struct tb_box {
    double left, top, right, bottom; /* in pixels of the picture as it is given: 0 is the outer edge
                                        of the first, |width| that of the last.  In either order;
                                        what is outside of the picture is cut off */
    const char *label;               /* above the box; UTF-8, of which all but ASCII is an empty
                                        square; at most TBLOG_MAX_NAME_BYTES; default none */
    uint8_t red, green, blue;        /* all 0: a colour that follows from the label, the same in
                                        every picture, or without one from the box's number */
} tb_box;

/* How values become colours, and what is drawn.  Zero means default. */
typedef struct tb_image_options {
    tb_colormap colormap; /* for pictures of one channel; default none */
    double min, max;      /* the values that get the first and the last colour, as do those that
                             are beyond.  Both 0: without a colour map the range that tb_image says
                             of the dtype, else from the least finite value to the greatest, or
                             for TB_COLORMAP_DIVERGING as far as that on both sides of 0 */
    const tb_box *boxes;  /* for tb_log_image_with alone */
    size_t box_count;     /* at most 65536 */
    double scale;         /* of the picture as it is shown, at most 1024; default 1.  3: each pixel
                             becomes 3 x 3.  Sides are rounded down to whole pixels, one at least,
                             and each pixel is the mean of the area that it covers */
} tb_image_options;

/* tb_log_image with colours of choice, larger or smaller, or with boxes.  A range or a colour map
 * takes every dtype (64-bit integers are rounded to doubles) and makes 8-bit samples, in which NaN
 * is magenta.  An alpha is left out of this: with one, the dtype is one that tb_log_image takes.
 * Boxes make RGB of grey; they are drawn on the picture as it is shown.  The call itself makes
 * samples of the values, after a look at all of them where their range is to be found; the rest
 * happens on the writer's thread.  |options| may be NULL.
 *
 *   TB_STATUS_INVALID    as for tb_log_image; a range that is not finite, or whose min is not below
 *                        max; a colour map for several channels; a scale that is negative or above
 *                        1024; an edge of a box that is NaN; a label that is not UTF-8
 *   TB_STATUS_TOO_LARGE  as for tb_log_image, for the picture as it is shown; and its samples
 *                        before that must fit TBLOG_MAX_RECORD_BYTES and the queue, too
 *   TB_STATUS_FULL       the queue stayed full; this picture was dropped and counted */
TBLOG_API tb_status tb_log_image_with(tb_writer *w, const char *tag, const tb_image *image,
                                      int64_t step, const tb_image_options *options);

/* Pictures of one size and type in one array.  N x H x W x C, packed:
 *     &(tb_image_batch){ .first = { .data = nhwc, .width = W, .height = H, .channels = C },
 *                        .count = N }
 * N x C x H x W:
 *     &(tb_image_batch){ .first = { .data = nchw, .width = W, .height = H, .channels = C,
 *                                   .x_stride = 1, .y_stride = W, .channel_stride = W * H },
 *                        .count = N } */
typedef struct tb_image_batch {
    tb_image first;
    size_t count;
    ptrdiff_t image_stride;          /* in elements, from one picture to the next, negative ones
                                        too; 0: width x height x channels */
    size_t columns;                  /* of a grid; 0: as many as it has rows, or one more */
    ptrdiff_t padding;               /* pixels between the pictures of a grid, black, or transparent
                                        where there is an alpha; 0: 2; negative: none */
    const tb_image_options *options; /* as in tb_log_image_with, the range being that of all
                                        pictures; no boxes.  NULL: as tb_log_image */
} tb_image_batch;

/* Record a batch at one step: each picture as a sample, or all in one, row by row.  Statuses as for
 * tb_log_image_with, and TB_STATUS_INVALID when |batch| is NULL or empty or its strides leave the
 * address space. */
TBLOG_API tb_status tb_log_image_batch(tb_writer *w, const char *tag, const tb_image_batch *batch,
                                       int64_t step);
TBLOG_API tb_status tb_log_image_grid(tb_writer *w, const char *tag, const tb_image_batch *batch,
                                      int64_t step);

typedef enum tb_video_format {
    TB_VIDEO_APNG = 0, /* animated PNG: every colour, 16 bit too, without loss */
    TB_VIDEO_GIF       /* 256 colours a frame, near ones joined where there are more; what is
                          transparent is put on white; at most 65535 x 65535 pixels.  For a library
                          that was built with giflib */
} tb_video_format;

/* Frames of one size and type in one array.  T x H x W x C, packed:
 *     &(tb_video){ .first = { .data = thwc, .width = W, .height = H, .channels = C },
 *                  .frames = T }
 * Several clips side by side, N x T x C x H x W:
 *     &(tb_video){ .first = { .data = ntchw, .width = W, .height = H, .channels = C,
 *                             .x_stride = 1, .y_stride = W, .channel_stride = W * H },
 *                  .frames = T, .clips = N } */
typedef struct tb_video {
    tb_image first;                  /* frame 0 of clip 0 */
    size_t frames;
    ptrdiff_t frame_stride;          /* in elements, from one frame to the next, negative ones too;
                                        0: width x height x channels */
    size_t clips;                    /* default 1 */
    ptrdiff_t clip_stride;           /* from one clip to the next; 0: |frames| times as far as
                                        |frame_stride| 0 says */
    double frames_per_second;        /* from 1/60 to 1000; default 4.  Browsers slow down what is
                                        faster than 50 */
    tb_video_format format;
    size_t columns;                  /* of clips; this and what follows as in tb_image_batch */
    ptrdiff_t padding;
    const tb_image_options *options;
} tb_video;

/* Records a video; it plays in the Images dashboard, over and over.  This call copies the frames as
 * tb_log_image does its pixels.  Statuses as for tb_log_image_batch, and
 *
 *   TB_STATUS_INVALID      |video| is NULL, its format unknown, or frames_per_second out of range
 *   TB_STATUS_UNSUPPORTED  TB_VIDEO_GIF in a library without giflib */
TBLOG_API tb_status tb_log_video(tb_writer *w, const char *tag, const tb_video *video,
                                 int64_t step);

/* The bytes of a file in memory. */
typedef struct tb_file {
    const void *data;
    size_t size;
} tb_file;

/* Records |count| pictures that are PNG, JPEG, GIF (animated ones play) or BMP files already.
 * TB_STATUS_INVALID for any other format, TB_STATUS_CORRUPT when the header ends too early. */
TBLOG_API tb_status tb_log_encoded_images(tb_writer *w, const char *tag, const tb_file *files,
                                          size_t count, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Audio
 * ------------------------------------------------------------------------------------------ */

/* A clip of sound.  Zero means default; interleaved stereo, say:
 *     &(tb_audio){ .data = pcm, .frames = n, .channels = 2, .sample_rate = 48000,
 *                  .dtype = TB_INT16 }
 * Channels one after another, as floats:
 *     &(tb_audio){ .data = x, .frames = n, .channels = 2, .dtype = TB_FLOAT32,
 *                  .frame_stride = 1, .channel_stride = n } */
typedef struct tb_audio {
    const void *data;
    size_t frames;            /* samples of each channel, at least 1 */
    size_t channels;          /* at most 32; default 1 */
    double sample_rate;       /* Hz, 3000 to 768000, rounded to a whole number; default 44100 */
    tb_dtype dtype;           /* a float type, -1..1, or an integer of 8, 16 or 32 bit whose range
                                 is the full scale: silence is 0, or the middle for unsigned types
                                 (128 for TB_UINT8) */
    ptrdiff_t frame_stride, channel_stride; /* in elements, negative ones too; both 0: interleaved,
                                               frames x channels.  That of a dimension of size 1
                                               is not looked at */
} tb_audio;

/* Records a clip as a WAV file of 16 bit, which is made in this call (about 2 ns a sample).  A
 * sample is its part of the full scale times 32768, rounded to nearest, halves away from zero, and
 * at most 32767; TB_INT16 is kept bit by bit.  What is beyond -1..1 becomes the nearer end and NaN
 * becomes 0; both are counted in tb_stats.
 *
 *   TB_STATUS_INVALID    a bad tag, no data, no frames, strides given only in part, another dtype,
 *                        or a sample rate or channels that browsers do not play
 *   TB_STATUS_TOO_LARGE  the file exceeds a record of TBLOG_MAX_RECORD_BYTES (six minutes of stereo
 *                        at 44.1 kHz) or the queue
 *   TB_STATUS_FULL       the queue stayed full; this clip was dropped and counted */
TBLOG_API tb_status tb_log_audio(tb_writer *w, const char *tag, const tb_audio *audio,
                                 int64_t step);

/* Records one or more clips of one step; TensorBoard shows each as a sample.  They may differ in
 * everything.  Record as many at each step of a tag: TensorBoard fails to show the first sample
 * that one of its steps lacks. */
TBLOG_API tb_status tb_log_audios(tb_writer *w, const char *tag, const tb_audio *clips,
                                  size_t count, int64_t step);

/* Records |count| clips that are WAV files already: PCM of 8 to 32 bits, float of 32, A-law or
 * mu-law.  TB_STATUS_INVALID for samples, rates or channels that browsers do not play, and for any
 * other format (TensorBoard says WAV of whatever it serves); TB_STATUS_CORRUPT when a file ends
 * early or its header contradicts itself. */
TBLOG_API tb_status tb_log_encoded_audio(tb_writer *w, const char *tag, const tb_file *files,
                                         size_t count, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------------------------ */

/* Records |markdown|.  Tables, code, links and images work; TensorBoard escapes raw HTML. */
TBLOG_API tb_status tb_log_text(tb_writer *w, const char *tag, const char *markdown, int64_t step);

/* A table of text.  Zero means default. */
typedef struct tb_table {
    const char *const *cells; /* |rows| x |columns| strings, row by row; a NULL one is empty */
    size_t rows, columns;     /* at least 1 of each; the header counts */
    bool no_header;           /* by default the first row is the header */
    bool markdown;            /* cells are Markdown of one line: emphasis, code, links.  By default
                                 they are text, and shown as it is whatever characters it holds */
} tb_table;

/* Records a table.  A column whose cells, but for the header and empty ones, are all numbers (0.5,
 * -1e-3, 1,234, 12.5%, nan, inf; spaces around them do not count) is aligned at the right, by
 * spaces as wide as a digit or a point: TensorBoard drops the alignment that Markdown knows.
 *
 * Line ends in a cell are kept, and several spaces stay several; a tab is four of them.  Other
 * control characters, which a page can't hold, are shown by their pictures (U+2400 and on).  In a
 * cell of Markdown a '|' is just that, and a line end a break.
 *
 *   TB_STATUS_INVALID    a bad tag, no rows or columns, |cells| is NULL or a cell not UTF-8
 *   TB_STATUS_TOO_LARGE  it exceeds TBLOG_MAX_RECORD_BYTES */
TBLOG_API tb_status tb_log_table(tb_writer *w, const char *tag, const tb_table *table,
                                 int64_t step);

/* Records a block of code, or any text in letters of one width: it is shown as it is, but for tabs
 * (spaces up to a multiple of four) and control characters as in tb_log_table.  |language|, one
 * word or NULL, is for other readers than TensorBoard. */
TBLOG_API tb_status tb_log_code(tb_writer *w, const char *tag, const char *language,
                                const char *code, int64_t step);

typedef struct tb_pair {
    const char *key;
    const char *value;
} tb_pair;

/* Records keys and their values, settings for example: a table of two columns without a header, as
 * by tb_log_table.  At least one. */
TBLOG_API tb_status tb_log_pairs(tb_writer *w, const char *tag, const tb_pair *pairs, size_t count,
                                 int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Meshes: triangles and point clouds in space
 * ------------------------------------------------------------------------------------------ */

typedef struct tb_mesh {
    const float *vertices; /* |vertex_count| x 3: x, y, z; all finite */
    size_t vertex_count;   /* at least 1 */
    const uint8_t *colors; /* |vertex_count| x 3: red, green, blue; NULL: none */
    const int32_t *faces;  /* |face_count| x 3 vertex numbers below |vertex_count|, and at most
                              65535, since TensorBoard keeps 16 bits of them; a face's front is
                              where they go counter-clockwise.  NULL: a point cloud */
    size_t face_count;     /* at least 1 with |faces| */
} tb_mesh;

/* How a tag's meshes look.  TensorBoard takes it from the tag's first mesh, but for |center|.  Zero
 * means default: TensorBoard's, as said. */
typedef struct tb_mesh_options {
    const char *description; /* Markdown; kept in the file, but no dashboard shows it */
    bool center;             /* move each mesh so that the middle of its box is the origin.
                                TensorBoard does so with triangles; a cloud that lies elsewhere
                                it shows from afar or from behind */
    double point_size;       /* of a cloud, in units of the coordinates; default 0.005 */
    const uint8_t *color;    /* red, green, blue of the whole; default the run's colour for a
                                cloud, white for one with colors, grey for triangles.  A mesh's
                                colors are multiplied by it: grey dims them, white does not */
    /* The look of triangles. */
    const char *material;    /* "MeshStandardMaterial" (default), "MeshBasicMaterial" (no light),
                                "MeshNormalMaterial" (coloured by direction), "MeshLambertMaterial",
                                "MeshPhongMaterial", "MeshPhysicalMaterial", "MeshToonMaterial",
                                "MeshDepthMaterial" or "MeshMatcapMaterial", of three.js */
    bool wireframe;          /* edges only */
    bool flat_shading;       /* facets are seen */
    bool double_sided;       /* backs are seen, too */
    /* The camera.  Where a cloud lies, or from the middle of triangles. */
    const double *position;  /* x, y, z; default in front (+z), so that all is in view */
    const double *look_at;   /* x, y, z; default the middle */
    double fov;              /* degrees from top to bottom, below 180; default 75 */
    double near_plane;       /* what is closer is not drawn; default 0.1, or less for a mesh so
                                small that it would all be closer */
    const char *json;        /* the whole configuration instead of the members from |point_size|
                                on, an object of at most TBLOG_MAX_NAME_BYTES:
                                {"camera": {...}, "lights": [...], "material": {...}} */
} tb_mesh_options;

/* Records a mesh.  Some 100,000 vertices show well; TensorBoard's data server fails to show a tag
 * whose steps exceed 256 MiB together.
 *
 *   TB_STATUS_INVALID    a bad tag, a mesh or options that are not as said above, or a mesh that
 *                        differs from the tag's first one in whether it has colors and faces
 *   TB_STATUS_TOO_LARGE  it exceeds TBLOG_MAX_RECORD_BYTES or the queue
 *   TB_STATUS_FULL       the queue stayed full; this mesh was dropped and counted */
TBLOG_API tb_status tb_log_mesh(tb_writer *w, const char *tag, const tb_mesh *mesh, int64_t step);
TBLOG_API tb_status tb_log_mesh_with(tb_writer *w, const char *tag, const tb_mesh *mesh,
                                     int64_t step, const tb_mesh_options *options);

/* Records one or more meshes of one step; TensorBoard shows each as a sample.  They must agree in
 * their numbers of vertices and faces and in whether they have colors, and a tag must have as many
 * at each step.  |options| may be NULL. */
TBLOG_API tb_status tb_log_meshes(tb_writer *w, const char *tag, const tb_mesh *meshes,
                                  size_t count, int64_t step, const tb_mesh_options *options);

/* ---------------------------------------------------------------------------------------------
 * Tensors: arrays for other tools.  No dashboard of stock TensorBoard shows them; TensorFlow's
 * summary_iterator with make_ndarray, EventAccumulator.Tensors and tbparse read them.
 * ------------------------------------------------------------------------------------------ */

/* A 2 x 3 matrix, say:
 *     &(tb_tensor){ .data = m, .dtype = TB_FLOAT32, .rank = 2, .shape = (size_t[]){ 2, 3 } } */
typedef struct tb_tensor {
    const void *data;         /* may be NULL where a size is 0 */
    tb_dtype dtype;
    size_t rank;              /* at most 8; 0: one element */
    const size_t *shape;      /* |rank| sizes */
    const ptrdiff_t *strides; /* |rank| strides in elements, negative and zero ones too; NULL:
                                 packed, last dimension fastest */
} tb_tensor;

/* Records |tensor| bit by bit (of TB_BOOL what is not 0 as 1).
 *
 *   TB_STATUS_INVALID    a bad tag, an unknown dtype, no data, a rank above 8 or no shape
 *   TB_STATUS_TOO_LARGE  it exceeds TBLOG_MAX_RECORD_BYTES or the queue
 *   TB_STATUS_FULL       the queue stayed full; this tensor was dropped and counted */
TBLOG_API tb_status tb_log_tensor(tb_writer *w, const char *tag, const tb_tensor *tensor,
                                  int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Hyper-parameters: what a run was made with, and how it ended
 *
 *     tb_writer *w = tb_open("logs/sweep/run7", NULL);
 *     tb_hparam hparams[] = {
 *         tb_hparam_number("learning rate", 0.001),
 *         tb_hparam_string("optimizer", "adam"),
 *         tb_hparam_bool("shuffle", true),
 *     };
 *     tb_log_hparams(w, hparams, 3, NULL);
 *     ...                            // tb_log_scalar: the last value of each tag is a metric
 *     tb_close(w);
 *
 * A run with hyper-parameters is a session, a row in TensorBoard's table; its columns are the
 * hyper-parameters of all sessions and the scalars of their runs and of the runs below.
 *
 * Open the run below the logdir, not as the logdir itself: there TensorBoard finds no metrics.
 * ------------------------------------------------------------------------------------------ */

typedef enum tb_hparam_type {
    TB_HPARAM_NUMBER = 0,
    TB_HPARAM_STRING,
    TB_HPARAM_BOOL
} tb_hparam_type;

/* The functions below make one of each type; so do literals with designated initialisers:
 *     { "learning rate", .number = 0.001 }, { "optimizer", .string = "adam" },
 *     { "shuffle", TB_HPARAM_BOOL, .boolean = true } */
typedef struct tb_hparam {
    const char *name;
    tb_hparam_type type;      /* where |string| is set: TB_HPARAM_STRING, too */
    double number;            /* finite */
    const char *string;
    bool boolean;
} tb_hparam;

static inline tb_hparam tb_hparam_number(const char *name, double number);
static inline tb_hparam tb_hparam_string(const char *name, const char *string);
static inline tb_hparam tb_hparam_bool(const char *name, bool boolean);

typedef struct tb_hparams_options {
    const char *group;        /* sessions of one group are one row, their metrics averaged: the same
                                 settings with several seeds, say.  Default: a row of its own */
    const char *model_uri;    /* where the model is; kept, and shown nowhere by TensorBoard 2.21 */
    const char *monitor_url;  /* where the session can be watched; kept, and shown nowhere */
} tb_hparams_options;

/* Records |count| hyper-parameters of this run, at most 4096 and a megabyte with their names; the
 * session starts now.  Once for each writer, before or after values of any kind.  TensorBoard keeps
 * what a run got first, so a process that resumes a run may say the same again, and nothing
 * changes.  |options| may be NULL.
 *
 * tb_close writes how the session ended (tb_set_session_status).  One whose process ends without
 * tb_close, by exit() or by a kill, has no end and is shown with the status "unknown": nobody knows
 * whether it was a success.
 *
 *   TB_STATUS_INVALID    a name is NULL, empty, too long, not UTF-8 or there twice; a number is NaN
 *                        or infinite, for which TensorBoard would show nothing; a string is NULL,
 *                        too long or not UTF-8; or the writer has hyper-parameters already
 *   TB_STATUS_TOO_LARGE  there are too many
 *   TB_STATUS_FULL       the queue stayed full: call again, with the same values */
TBLOG_API tb_status tb_log_hparams(tb_writer *w, const tb_hparam *hparams, size_t count,
                                   const tb_hparams_options *options);

typedef enum tb_session_status {
    TB_SESSION_SUCCESS = 0,
    TB_SESSION_FAILURE,
    TB_SESSION_UNFINISHED     /* it goes on in another process: no end is written, since the first
                                 that is written stays */
} tb_session_status;

/* Says how the session ends: tb_close writes it, behind all else.  Without this call it is a
 * success; the latest call counts.  Does not wait.
 *
 *   TB_STATUS_INVALID  an unknown |status| */
TBLOG_API tb_status tb_set_session_status(tb_writer *w, tb_session_status status);

/* A column of hyper-parameters: what values there are, as TensorBoard offers them to filter by.
 *     { "learning rate", .min = 1e-4, .max = 1e-1 },
 *     { "optimizer", .strings = (const char *[]){ "adam", "sgd" }, .value_count = 2 } */
typedef struct tb_hparam_info {
    const char *name;           /* as in tb_hparam */
    tb_hparam_type type;        /* where |strings| is set: TB_HPARAM_STRING, too */
    const char *display_name;   /* default the name */
    const char *description;    /* default none; kept, and shown nowhere by TensorBoard 2.21 */
    const char *const *strings; /* |value_count| values of a string, NULL: any */
    const double *numbers;      /* of a number: |value_count| values ... */
    size_t value_count;
    double min, max;            /* ... or an interval; both 0: any number */
} tb_hparam_info;

/* A column of metrics: the last value of a scalar's tag. */
typedef struct tb_metric_info {
    const char *tag;
    const char *group;          /* the run that has it, seen from the session's: "validation" where
                                   "logs/run7" is the session and "logs/run7/validation" logs the
                                   tag; default the session's own run */
    const char *display_name;   /* default group and tag */
    const char *description;    /* default none; kept, and shown nowhere */
    bool validation;            /* measured on validation data */
} tb_metric_info;

typedef struct tb_experiment {
    const char *name, *description, *user; /* default none; kept, and shown nowhere */
    const tb_hparam_info *hparams;
    size_t hparam_count;
    const tb_metric_info *metrics;
    size_t metric_count;
} tb_experiment;

/* Declares the columns of the table: names, order of metrics and domains.  Without it TensorBoard
 * infers them from the sessions; with it, a hyper-parameter or metric that is not listed has no
 * column.  TensorBoard uses one experiment in a logdir: call it once, with a writer of the
 * directory above the runs ("logs/sweep").  At most 4096 of each, and a megabyte in all.
 *
 *   TB_STATUS_INVALID    there are no hyper-parameters, for which TensorBoard would show nothing; a
 *                        name or tag is NULL, empty or there twice; a text is too long or not
 *                        UTF-8; a value is not finite, or |min| above |max|; a group begins or ends
 *                        with '/'; or the writer has an experiment already
 *   TB_STATUS_TOO_LARGE  there are too many
 *   TB_STATUS_FULL       the queue stayed full: call again, with the same values */
TBLOG_API tb_status tb_log_experiment(tb_writer *w, const tb_experiment *experiment);

/* ---------------------------------------------------------------------------------------------
 * PR curves: precision and recall of a classifier at each threshold of its score
 * ------------------------------------------------------------------------------------------ */

/* Records the curve of |count| samples: |labels| says which are positive (not 0), |scores| how
 * likely each was held to be so, 0 to 1, packed, of a float type.  At threshold t those with a
 * score of at least t count as found.  The data is reduced in this call, in one pass; no samples
 * make a curve of zeros.  It equals what TensorBoard's own summary makes: 201 thresholds from 0 to
 * 1, the bucket of a score worked out in float32 (for TB_FLOAT64 in double), ratios whose divisor
 * is at least 1e-7.
 *
 *   TB_STATUS_INVALID  a bad tag, NULL data with |count| > 0, |dtype| no float type, or a score
 *                      that is NaN or not 0 to 1 (a logit is no score: pass its sigmoid)
 *   TB_STATUS_FULL     the queue stayed full; this curve was dropped and counted */
TBLOG_API tb_status tb_log_pr_curve(tb_writer *w, const char *tag, const uint8_t *labels,
                                    const void *scores, size_t count, tb_dtype dtype,
                                    int64_t step);

typedef struct tb_pr_curve_options {
    size_t thresholds;        /* at least 2, equally spaced from 0 to 1; default 201.  All curves of
                                 a tag have the same number: another is refused */
    const double *weights;    /* of each sample, at least 0; 0 leaves it out; NULL: 1.  TensorBoard
                                 cuts weighted counts to whole numbers and the curve where none is
                                 left, so let weights be about 1 or larger */
    const char *display_name; /* the curve's title; default the tag */
    const char *description;  /* Markdown */
    const char *const *class_names; /* for tb_log_pr_curves: the ends of the tags, all different;
                                       NULL: "0", "1", ... */
} tb_pr_curve_options;

/* tb_log_pr_curve with options, which may be NULL. */
TBLOG_API tb_status tb_log_pr_curve_with(tb_writer *w, const char *tag, const uint8_t *labels,
                                         const void *scores, size_t count, tb_dtype dtype,
                                         int64_t step, const tb_pr_curve_options *options);

/* Records a curve for each class against the rest: "tag/0", "tag/1", ...  |labels| has the class of
 * each sample, 0 to |classes| - 1, and |scores| is |count| x |classes|, packed: those of a sample
 * side by side.  All curves are recorded or none.  |options| may be NULL; its display name gets the
 * same ends as the tag.
 *
 *   TB_STATUS_INVALID    as for tb_log_pr_curve; or a label out of range
 *   TB_STATUS_TOO_LARGE  more than 4096 classes, or the curves exceed the queue */
TBLOG_API tb_status tb_log_pr_curves(tb_writer *w, const char *tag, const int32_t *labels,
                                     const void *scores, size_t count, size_t classes,
                                     tb_dtype dtype, int64_t step,
                                     const tb_pr_curve_options *options);

/* Ready-made counts at |thresholds| thresholds (at least 2), of which i is at
 * i / (thresholds - 1). */
typedef struct tb_pr_counts {
    size_t thresholds;
    const double *true_positives, *false_positives; /* at least 0 */
    const double *true_negatives, *false_negatives;
    const double *precision, *recall; /* 0 to 1; NULL: from the counts */
    const char *display_name, *description; /* as in tb_pr_curve_options */
} tb_pr_counts;

/* Records them, as float32.  TB_STATUS_INVALID when they are not as tb_pr_counts says. */
TBLOG_API tb_status tb_log_pr_curve_raw(tb_writer *w, const char *tag, const tb_pr_counts *counts,
                                        int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Projector: points of many dimensions, moved about in three
 * ------------------------------------------------------------------------------------------ */

/* Points, and what is known of them.  Zero means default; a literal with designated initialisers is
 * the idiom:
 *     &(tb_embedding){ .data = vectors, .count = n, .dimensions = 128, .dtype = TB_FLOAT32,
 *                      .metadata = words } */
typedef struct tb_embedding {
    const void *data;         /* |count| x |dimensions|: a row for each point; all numbers finite */
    size_t count, dimensions; /* at least 2 points, of which TensorBoard shows the first 100,000;
                                 points of 1 or 2 dimensions get zeros for the rest, since it
                                 shows nothing of fewer than 3 */
    tb_dtype dtype;           /* any; kept as float32, which a number must not exceed */
    ptrdiff_t row_stride;     /* in elements, from a point to the next; 0: packed */
    ptrdiff_t column_stride;  /* from a point's number to its next; 0: 1 */

    const char *const *metadata; /* |count| x |metadata_columns| texts, row by row: labels to show
                                    and to colour by.  Tabs and line breaks become spaces, NULL is
                                    empty; a row without a visible character is shown as "-".
                                    NULL: none */
    size_t metadata_columns;     /* default 1 */
    const char *const *metadata_header; /* |metadata_columns| names, all different; needed from 2
                                           columns on, and not looked at before (a single column
                                           has no name in TensorBoard) */

    tb_image picture;         /* of the first point, shown in its place; the others' are of the same
                                 form.  |data| NULL: none */
    ptrdiff_t picture_stride; /* in elements, from a picture to the next; 0: packed */

    const char *bookmarks;    /* views to begin with: the JSON that the page's "bookmarks" panel
                                 saves, a list of its states.  NULL: none */
} tb_embedding;

/* Writes an embedding for the projector, under the name "tag:00100" at step 100; one of the same
 * tag and step is replaced.  Unlike all other data it is not part of the event file, but files in
 * the run's directory: a folder with the points, as float32 in text, the metadata, the pictures (a
 * PNG of all, a square of at most 8192 x 8192 pixels) and the bookmarks, and a block in
 * projector_config.pbtxt, where other writers' blocks stay as they are.  Several processes may do
 * so at once.
 *
 * All is done in this call, and on stable storage when it returns: it waits for the disk, and for
 * other processes that do the same to this run (at most a minute).  A million numbers take some
 * 0.2 s.  TensorBoard reads the list of embeddings when it starts or finds a new run.
 *
 *   TB_STATUS_INVALID    a bad tag; one of more than 4096 bytes, or with &, #, +, % or a control
 *                        character, which TensorBoard's page does not find; or the embedding is
 *                        not as tb_embedding says
 *   TB_STATUS_TOO_LARGE  the pictures exceed their square
 *   TB_STATUS_CORRUPT    projector_config.pbtxt is there but no list of embeddings; it was left
 *                        alone
 *   TB_STATUS_IO         the system refused; the list is as it was */
TBLOG_API tb_status tb_log_embedding(tb_writer *w, const char *tag, const tb_embedding *embedding,
                                     int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Graphs: a model's structure
 *
 *     tb_graph *g = tb_graph_new();
 *     tb_graph_node *x = tb_graph_add(g, "Placeholder", "images");
 *     tb_graph_set_shape(x, 0, (int64_t[]){ -1, 28, 28, 1 }, 4);
 *     tb_graph_push_scope(g, "conv1");
 *     tb_graph_node *k = tb_graph_add(g, "Variable", "kernel");
 *     tb_graph_node *c = tb_graph_add(g, "Conv2D", "conv");      // its name is "conv1/conv"
 *     tb_graph_connect(x, 0, c);
 *     tb_graph_connect(k, 0, c);
 *     tb_graph_pop_scope(g);
 *     tb_log_graph(w, g);
 *     tb_graph_free(g);
 *
 * A graph is used by one thread at a time.  Errors stay with the graph: the first one is returned
 * by every later call and by tb_log_graph, so a builder needs no check after each line.  Calls on a
 * NULL node change nothing and return TB_STATUS_INVALID; the error of the call that made no node is
 * kept by the graph.
 * ------------------------------------------------------------------------------------------ */

typedef struct tb_graph tb_graph;
typedef struct tb_graph_node tb_graph_node; /* belongs to its graph */

TBLOG_API tb_graph *tb_graph_new(void); /* NULL when memory is short */
TBLOG_API void tb_graph_free(tb_graph *g);

/* Names between push and pop get "scope/" before them; scopes nest. */
TBLOG_API tb_status tb_graph_push_scope(tb_graph *g, const char *scope);
TBLOG_API tb_status tb_graph_pop_scope(tb_graph *g);

/* Adds a node that does |op| ("Conv2D", "MatMul", any word).  Names are unique within a graph
 * and made of letters, digits and `_ . - / >`, starting with a letter, digit or '.', as
 * TensorFlow has it.  A full name, scopes included, has at most TBLOG_MAX_NAME_BYTES.
 * TensorBoard folds `Const` into its consumers.  NULL on error. */
TBLOG_API tb_graph_node *tb_graph_add(tb_graph *g, const char *op, const char *name);

/* Output |port|, 0 to 65535, of |from| becomes the next input of |to|.  A NULL |from| is an
 * error of |to|'s graph: an edge would be missing. */
TBLOG_API tb_status tb_graph_connect(const tb_graph_node *from, int port, tb_graph_node *to);

/* |to| runs after |from| without taking data from it (a dotted line). */
TBLOG_API tb_status tb_graph_connect_control(const tb_graph_node *from, tb_graph_node *to);

/* "/device:GPU:0", "/job:worker/task:1/device:CPU:0"; TensorBoard can colour by it. */
TBLOG_API tb_status tb_graph_set_device(tb_graph_node *node, const char *device);

/* The shape of output |port|, written at its edges: at most 254 sizes; -1 is an unknown one. */
TBLOG_API tb_status tb_graph_set_shape(tb_graph_node *node, int port, const int64_t *sizes,
                                       size_t rank);

/* Attributes, shown when the node is selected.  Setting a name again replaces it; the name
 * "_output_shapes" belongs to tb_graph_set_shape. */
TBLOG_API tb_status tb_graph_set_int(tb_graph_node *node, const char *attr, int64_t value);
TBLOG_API tb_status tb_graph_set_ints(tb_graph_node *node, const char *attr, const int64_t *values,
                                      size_t count);
TBLOG_API tb_status tb_graph_set_float(tb_graph_node *node, const char *attr, double value);
TBLOG_API tb_status tb_graph_set_bool(tb_graph_node *node, const char *attr, bool value);
TBLOG_API tb_status tb_graph_set_string(tb_graph_node *node, const char *attr, const char *value);
TBLOG_API tb_status tb_graph_set_dtype(tb_graph_node *node, const char *attr, tb_dtype value);

/* Lists of |count| values, which are copied. */
TBLOG_API tb_status tb_graph_set_floats(tb_graph_node *node, const char *attr, const double *values,
                                        size_t count);
TBLOG_API tb_status tb_graph_set_bools(tb_graph_node *node, const char *attr, const bool *values,
                                       size_t count);
TBLOG_API tb_status tb_graph_set_strings(tb_graph_node *node, const char *attr,
                                         const char *const *values, size_t count);
TBLOG_API tb_status tb_graph_set_dtypes(tb_graph_node *node, const char *attr,
                                        const tb_dtype *values, size_t count);

/* A shape that is an attribute, as of a Placeholder; as in tb_graph_set_shape. */
TBLOG_API tb_status tb_graph_set_shape_attr(tb_graph_node *node, const char *attr,
                                            const int64_t *sizes, size_t rank);

/* An array, as the "value" of a Const.  It is copied.  TensorBoard shows no attribute of more than
 * 1024 bytes: keep weights out of the graph. */
TBLOG_API tb_status tb_graph_set_tensor(tb_graph_node *node, const char *attr,
                                        const tb_tensor *tensor);

/* The reason of the graph's first error; "" when there is none.  Valid as long as |g|. */
TBLOG_API const char *tb_graph_error(const tb_graph *g);

/* Records the graph of this run; the last one logged is shown.  Every input must name a node.
 * |graph| may be changed or freed afterwards. */
TBLOG_API tb_status tb_log_graph(tb_writer *w, const tb_graph *graph);

/* Records a serialized tensorflow.GraphDef, unchanged; 0 bytes are an empty graph.
 *
 *   TB_STATUS_INVALID    |graph_def| is NULL
 *   TB_STATUS_CORRUPT    it does not parse or holds a string that is not UTF-8, either of which
 *                        makes TensorBoard fail
 *   TB_STATUS_TOO_LARGE  it exceeds TBLOG_MAX_RECORD_BYTES */
TBLOG_API tb_status tb_log_graph_def(tb_writer *w, const void *graph_def, size_t size);

/* What a node took when the graph ran.  Zero means unknown for every member but |node|. */
typedef struct tb_node_cost {
    const char *node;         /* its full name, scopes included */
    double start_us;          /* when it began: microseconds since the step began, or since 1970;
                                 a scope is shown with the time from its first node's start to its
                                 last node's end */
    double duration_us;       /* compute time, microseconds; TensorBoard shows whole ones, so less
                                 than one is shown as one */
    uint64_t bytes;           /* memory that it took */
    const char *device;       /* ends as the default does, "/device:CPU:0", since TensorBoard leaves
                                 out any other */
    const int64_t *shape;     /* of output 0: |rank| sizes, at most 254; -1 is an unknown one */
    size_t rank;
} tb_node_cost;

/* Records compute time and memory of the run's graph, which TensorBoard then can colour it by:
 * choose |tag| below the run.  A node that is named twice gets the larger memory, and the time from
 * its first start to its last end; a node that the graph does not have is left out.  Profiles of
 * several steps have tags of their own ("step 100"): of one tag the last one is shown.  In a
 * profile's view, a node without costs is hatched as unused.
 *
 *   TB_STATUS_INVALID    a bad tag, no nodes, a name that is empty or not UTF-8, a time that is
 *                        not 0 to 9e15, a device that TensorBoard leaves out, a bad shape
 *   TB_STATUS_TOO_LARGE  it exceeds a record or the queue, or there are more than 256 devices */
TBLOG_API tb_status tb_log_graph_profile(tb_writer *w, const char *tag, const tb_node_cost *costs,
                                         size_t count, int64_t step);

/* Records a graph under a tag of its own, beside the run's: the one for evaluation, say.  |costs|
 * are as above; |count| 0: none.  A tag's first graph says whether its graphs have costs.  Errors
 * as for tb_log_graph and tb_log_graph_profile. */
TBLOG_API tb_status tb_log_tagged_graph(tb_writer *w, const char *tag, const tb_graph *graph,
                                        const tb_node_cost *costs, size_t count, int64_t step);

/* Records a model as Keras 3 describes it (model.to_json()), shown as a conceptual graph: its
 * layers and what goes from one to the next.  Of another program's making, the least is
 *     {"config": {"name": "model", "layers": [
 *         {"class_name": "Dense", "config": {"name": "first", "dtype": "float32"}}, ...]}}
 * for layers one after another.  Of one tag the last model is shown.
 *
 *   TB_STATUS_INVALID  a bad tag, or |json| is NULL, not UTF-8, not one JSON object, or nested
 *                      more than 200 levels deep */
TBLOG_API tb_status tb_log_keras_graph(tb_writer *w, const char *tag, const char *json);

/* ---------------------------------------------------------------------------------------------
 * Summaries made elsewhere
 * ------------------------------------------------------------------------------------------ */

/* Records the values of a serialized tensorflow.Summary, at most 4096, as one event: what another
 * event file holds, or another library has made.  All or none are recorded.  What it says of a tag
 * (plugin, names) counts when the tag is new; where it says nothing of a new tag, the form of the
 * value tells the kind.  What tensors and files hold is taken as it is.
 *
 *   TB_STATUS_INVALID    |summary| is NULL with |size| > 0; a tag is empty, too long or already one
 *                        of another kind; a value is missing (but one of hyper-parameters needs
 *                        none), or not of a form that its kind has
 *   TB_STATUS_CORRUPT    it does not parse, or holds a string that is not UTF-8
 *   TB_STATUS_TOO_LARGE  it exceeds a record or the queue, or has too many values
 *   TB_STATUS_FULL       the queue stayed full; the values were dropped and counted */
TBLOG_API tb_status tb_log_summary(tb_writer *w, const void *summary, size_t size, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * Times of one's own
 * ------------------------------------------------------------------------------------------ */

/* From here on, what this thread logs has the time |seconds|, since 1970 (before it, if negative)
 * and up to the year 9999, instead of that of the call or of tb_options.clock: data of every kind,
 * to any writer, the session's start and end included.  Each value keeps it exactly, in an event of
 * its own or of its group.  0 ends that.  Returns what was in force before, 0 for nothing, to be
 * put back:
 *
 *     double before = tb_use_wall_time(old->time);
 *     tb_log_text(w, "notes", old->text, old->step);
 *     tb_use_wall_time(before);
 *
 * A number that is no such time is refused by the calls that log, with TB_STATUS_INVALID.  Other
 * threads are not concerned; the time that tb_log_scalar_at is given goes before.  An embedding's
 * files have no time. */
TBLOG_API double tb_use_wall_time(double seconds);

/* ---------------------------------------------------------------------------------------------
 * Now and then
 * ------------------------------------------------------------------------------------------ */

/* When to log in a loop.  One for each place, in one thread:
 *
 *     tb_every often = { .steps = 100 }, rarely = { .steps = 1000, .seconds = 60 };
 *     ...
 *     if (tb_every_due(&rarely, step))
 *         tb_log_image(w, "samples", &samples, step);
 *
 * Set it before the first call and leave it alone afterwards. */
typedef struct tb_every {
    int64_t steps;  /* due when a multiple of this is reached or passed; 0: whatever the step */
    double seconds; /* due when so much time has passed since it was; 0: whatever the time.  With
                       both, whichever comes first; with neither, every call is due */

    int64_t since_; /* the rest is tb_every_due's own, and zero to begin with */
    int64_t deadline_;
    bool has_begun_, has_seconds_;
} tb_every;

/* Whether the caller should log at |step|.  The first call is due.  Steps may jump (100, 237, 512:
 * each has passed a multiple of 100) and start again (a step before the latest multiple is due); a
 * step that was due is not due again.  Costs a few nanoseconds, and with |seconds| a look at the
 * clock.  NULL: every call is due. */
TBLOG_API bool tb_every_due(tb_every *every, int64_t step);

/* ---------------------------------------------------------------------------------------------
 * The size of these structs crosses to the library, so that they can grow: a program built with an
 * older header works with a newer library.  Bindings call these directly.
 * ------------------------------------------------------------------------------------------ */

TBLOG_API tb_writer *tb_open_sized(const char *logdir, const tb_options *options,
                                   size_t options_size);
TBLOG_API tb_status tb_get_stats_sized(const tb_writer *w, tb_stats *out, size_t out_size);
TBLOG_API tb_tag *tb_tag_open_sized(tb_writer *w, const char *name, const tb_tag_options *options,
                                    size_t options_size);

static inline tb_writer *tb_open(const char *logdir, const tb_options *options)
{
    return tb_open_sized(logdir, options, sizeof(tb_options));
}

static inline tb_status tb_get_stats(const tb_writer *w, tb_stats *out)
{
    return tb_get_stats_sized(w, out, sizeof(tb_stats));
}

static inline tb_tag *tb_tag_open(tb_writer *w, const char *name, const tb_tag_options *options)
{
    return tb_tag_open_sized(w, name, options, sizeof(tb_tag_options));
}

/* ---------------------------------------------------------------------------------------------
 * What is shorter to write than a literal
 * ------------------------------------------------------------------------------------------ */

static inline tb_hparam tb_hparam_number(const char *name, double number)
{
    tb_hparam hparam = {name, TB_HPARAM_NUMBER, number, NULL, false};
    return hparam;
}

static inline tb_hparam tb_hparam_string(const char *name, const char *string)
{
    tb_hparam hparam = {name, TB_HPARAM_STRING, 0, string, false};
    return hparam;
}

static inline tb_hparam tb_hparam_bool(const char *name, bool boolean)
{
    tb_hparam hparam = {name, TB_HPARAM_BOOL, 0, NULL, boolean};
    return hparam;
}

#ifdef __cplusplus
}
#endif

#endif /* TBLOG_H */
