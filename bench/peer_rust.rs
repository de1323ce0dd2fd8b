// The crate tensorboard-rs, measured as contest.h says.  Its flush does not wait for its thread, so
// a burst may find the thread at work; dropping the writer ends it.
use std::time::Instant;
use tensorboard_rs::summary_writer::SummaryWriter;

const TAGS: [&str; 10] = [
    "train/loss", "train/accuracy", "train/grad_norm", "train/lr", "eval/loss",
    "eval/top1", "eval/top5", "time/forward", "time/backward", "time/data",
];

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

fn cpu_seconds() -> f64 {
    const PROCESS: i32 = 2; // CLOCK_PROCESS_CPUTIME_ID
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(PROCESS, &mut time) };
    time.seconds as f64 + time.nanoseconds as f64 * 1e-9
}

fn dir_bytes(dir: &str) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn log(writer: &mut SummaryWriter, i: usize) {
    writer.add_scalar(TAGS[i % TAGS.len()], 1.0 / (i + 1) as f32, i / TAGS.len());
}

fn quantile(ns: &mut [f64], fraction: f64) -> f64 {
    ns.sort_by(f64::total_cmp);
    ns[(fraction * (ns.len() - 1) as f64) as usize]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (dir, values) = (&args[2], args[3].parse::<usize>().unwrap());
    let (bursts, singles) = (args[4].parse::<usize>().unwrap(), args[5].parse::<usize>().unwrap());
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let mut writer = SummaryWriter::new(dir);
    (0..values).for_each(|i| log(&mut writer, i));
    writer.flush();
    drop(writer);
    let per = 1e9 / values as f64;
    let wall_ns = wall.elapsed().as_secs_f64() * per;
    print!("{{\"values\": {values}, \"cpu_ns\": {}, \"wall_ns\": {wall_ns}, \"bytes\": {}",
           (cpu_seconds() - cpu) * per, dir_bytes(dir) as f64 / values as f64);
    if bursts > 0 {
        let mut writer = SummaryWriter::new(dir);
        let mut i = 0;
        let mut ns: Vec<f64> = (0..bursts).map(|_| {
            let start = Instant::now();
            for _ in 0..1000 {
                log(&mut writer, i);
                i += 1;
            }
            let ns = start.elapsed().as_nanos() as f64 / 1000.0;
            writer.flush();
            ns
        }).collect();
        print!(", \"call_ns\": {}", quantile(&mut ns, 0.5));
        let mut ns: Vec<f64> = (0..singles).map(|_| {
            let start = Instant::now();
            log(&mut writer, i);
            i += 1;
            start.elapsed().as_nanos() as f64
        }).collect();
        print!(", \"p50\": {}, \"p99\": {}, \"p999\": {}", quantile(&mut ns, 0.5),
               quantile(&mut ns, 0.99), quantile(&mut ns, 0.999));
    }
    println!("}}");
}
