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
 *   - Encoding of pictures, checksums and file I/O happen on the writer's own thread.  A logging
 *     call waits only while the queue is full, at most tb_options.full_wait_seconds.
 *   - Input is checked first.  A refused call returns a status other than TB_STATUS_OK, changes
 *     nothing, and leaves its reason in tb_last_error.  Training code may ignore the result:
 *     whatever was lost also comes back from tb_close.
 *   - Strings are NUL-terminated UTF-8.  Tags are not empty; `/` in a tag makes groups.
 *   - Nothing here aborts, exits, prints (see tb_options.on_error) or touches signal handlers, the
 *     locale or the floating-point environment.
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
 * call.  Several threads may be in it at once.  No lock of ours is held, so the callback may call tb_log_* (errors of those calls are not
 * told); it must not call tb_flush, tb_sync or tb_close. */
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
                                    their own: 8192 for each thread that logs, half as many with
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
 * its latest error are its own.  A run takes a file, a queue of its own and 256 KiB for each thread
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

/* Writes all that was logged, ends the writer's thread, removes the queue file and frees |w|
 * with its tag handles.  Waits for the disk; when that fails, for full_wait_seconds more: what
 * could not be written then stays in the queue file, for tb_recover.  No other call on |w| may
 * be under way or follow.  Returns the first error that lost anything since tb_open, else
 * TB_STATUS_OK; the words are then in tb_last_error(NULL) of this thread.  TB_STATUS_INVALID
 * for a writer of tb_open_run, which goes on: it is closed with the one that it belongs to. */
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
} tb_stats;

/* Copies the counters to |out|; all zero for a NULL |w|.  Does not wait. */
static inline tb_status tb_get_stats(const tb_writer *w, tb_stats *out);

/* The words of the latest error of |w|, or for NULL those of the latest tb_open, tb_close or
 * tb_recover in this thread that failed; "" when there was none.  Valid until the next
 * tb_last_error in this thread. */
TBLOG_API const char *tb_last_error(const tb_writer *w);

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

/* tb_log_scalar with the time given, in seconds since 1970 and up to the year 9999: for logs that are
 * brought over from elsewhere.  (For data of other kinds tb_options.clock says the time.) */
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
 * tb_log_series has added stays.  A chart shows the tags of each run.  TensorBoard merges the
 * layouts of several runs by their titles, so give all runs the same categories: of one that the
 * first run by name lacks, it shows the charts of one run alone.
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
 * exponential buckets (limits at +-1e-12 * 1.1^k).  The data is reduced in this call.  NaN and
 * infinities are counted in tb_stats and kept out of the buckets.  No data makes an empty plot.
 *
 *   TB_STATUS_INVALID  a bad tag, an unknown |dtype|, or |data| is NULL with |count| > 0
 *   TB_STATUS_FULL     the queue stayed full; this histogram was dropped and counted */
TBLOG_API tb_status tb_log_histogram(tb_writer *w, const char *tag, const void *data, size_t count,
                                     tb_dtype dtype, int64_t step);

/* How to walk |data|, and into which bins it goes.  Strides are in elements and may be negative or
 * zero. */
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
} tb_histogram_options;

/* tb_log_histogram of a strided view, or in other bins; |options| NULL: packed. */
TBLOG_API tb_status tb_log_histogram_with(tb_writer *w, const char *tag, const void *data,
                                          size_t count, tb_dtype dtype, int64_t step,
                                          const tb_histogram_options *options);

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
                                 (0 black, else white), or a float type 0..1 (clamped, made 8 bit; NaN
                                 becomes 0) */
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

/* The reason of the graph's first error; "" when there is none.  Valid as long as |g|. */
TBLOG_API const char *tb_graph_error(const tb_graph *g);

/* Records the graph of this run; the last one logged is shown.  Every input must name a node.
 * |graph| may be changed or freed afterwards. */
TBLOG_API tb_status tb_log_graph(tb_writer *w, const tb_graph *graph);

/* Records a serialized tensorflow.GraphDef, unchanged; 0 bytes are an empty graph.
 *
 *   TB_STATUS_INVALID    |graph_def| is NULL with |size| > 0
 *   TB_STATUS_CORRUPT    it does not parse or holds a string that is not UTF-8, either of which
 *                        makes TensorBoard fail
 *   TB_STATUS_TOO_LARGE  it exceeds TBLOG_MAX_RECORD_BYTES */
TBLOG_API tb_status tb_log_graph_def(tb_writer *w, const void *graph_def, size_t size);

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

#ifdef __cplusplus
}
#endif

#endif /* TBLOG_H */
