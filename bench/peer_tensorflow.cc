// TensorFlow's own C++ writer of event files, without Python: an event made anew for each value, or
// one that is serialized already (framing, CRC and file alone).  See contest.h.
#include <string>
#include <tensorflow/core/util/event.pb.h>
#include <tensorflow/core/util/events_writer.h>

#include "contest.h"

struct Run {
    explicit Run(const char *dir) : writer(std::string(dir) + "/events") {}
    tensorflow::EventsWriter writer;
    std::string serialized;
};

static tensorflow::Event make_event(int tag, double value, int64_t step)
{
    static const char *const tags[CONTEST_TAGS] = {
        "train/loss", "train/accuracy", "train/grad_norm", "train/lr",      "eval/loss",
        "eval/top1",  "eval/top5",      "time/forward",    "time/backward", "time/data",
    };
    tensorflow::Event event;
    event.set_wall_time(clock_seconds(CLOCK_REALTIME));
    event.set_step(step);
    auto *item = event.mutable_summary()->add_value();
    item->set_tag(tags[tag]);
    item->set_simple_value(static_cast<float>(value));
    return event;
}

static void *open_run(const char *dir)
{
    Run *run = new Run(dir);
    if (!run->writer.Init().ok())
        return nullptr;
    make_event(3, 0.5, 1000).SerializeToString(&run->serialized);
    return run;
}

static void log_event(void *self, int tag, double value, int64_t step)
{
    static_cast<Run *>(self)->writer.WriteEvent(make_event(tag, value, step));
}

static void log_serialized(void *self, int, double, int64_t)
{
    Run *run = static_cast<Run *>(self);
    run->writer.WriteSerializedEvent(run->serialized);
}

static void flush_run(void *self)
{
    (void)static_cast<Run *>(self)->writer.Flush();
}

static void close_run(void *self)
{
    (void)static_cast<Run *>(self)->writer.Close();
    delete static_cast<Run *>(self);
}

int main(int argc, char **argv)
{
    contest_size size = contest_size_of(argc, argv);
    contestant way = {open_run, strcmp(argv[1], "serialized") == 0 ? log_serialized : log_event,
                      flush_run, close_run};
    contest_run(&way, argv[2], size);
    return 0;
}
