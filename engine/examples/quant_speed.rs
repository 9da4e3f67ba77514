use engine::{ops::{Activations, Make, QuantizedKernel}, quant, wait, Device, Graph, Program, Store};
use std::time::Instant;
fn main() {
    let (k, n) = (1024, 1024);
    let devices = [Device::cpu_threads(1), Device::cpu(), wait(Device::gpu()).expect("gpu")];
    let args: Vec<String> = std::env::args().skip(1).collect();
    let w = Make::new(3).normal(&[k, n]);
    for device in devices {
        println!("{}", device.name());
        let gpu = device.as_gpu().is_some();
        let mut run = |name: String, g: &Graph, x, m: usize, y| {
            let mut p = wait(Program::compile(&device, g, &[y], &Store::new(&device))).expect("compiles");
            p.write(x, &Make::new(4).normal(&[m, k])).expect("x");
            p.run().expect("run"); wait(p.finish()).expect("fin");
            let mut t = vec![];
            let s = Instant::now();
            while t.len() < 5 || s.elapsed().as_secs_f64() < 0.4 {
                let a = Instant::now();
                p.run().expect("run"); wait(p.finish()).expect("fin");
                t.push(a.elapsed().as_secs_f64());
            }
            t.sort_by(f64::total_cmp);
            let med = t[t.len() / 2];
            println!("  {name:<50} {:>9.3} ms {:>8.2} GFLOP/s (best {:.2})", med * 1e3, 2.0 * (m * k * n) as f64 / med / 1e9, 2.0 * (m * k * n) as f64 / t[0] / 1e9);
        };
        for m in [1usize, 128] {
            let mut g = Graph::new();
            let x = g.input("x", &[m, k]).expect("x");
            let wt = g.constant(w.clone()).expect("w");
            let y = g.matmul(x, wt).expect("y");
            run(format!("f32 matmul m={m}"), &g, x, m, y);
            for f in ["int4/group32", "int4/channel", "int8/channel", "int3/group32", "nf4/group64", "uint4/group32", "ternary/tensor"] {
                if !args.is_empty() && !args.iter().any(|a| a == f) { continue }
                let q = quant::quantize(w.as_f32().expect("f"), [k, n], f.parse().expect("format")).expect("q");
                let kernels: &[QuantizedKernel] = if !gpu { &[QuantizedKernel::Auto] } else if m == 1 { &[QuantizedKernel::MatvecRegister, QuantizedKernel::Register, QuantizedKernel::Matvec] } else { &[QuantizedKernel::Register, QuantizedKernel::Tiled] };
                for &kernel in kernels {
                    let mut g = Graph::new();
                    let x = g.input("x", &[m, k]).expect("x");
                    let qt = g.quantized(&q).expect("q");
                    let y = g.quantized_matmul_with(x, &qt, None, Activations::F32, kernel).expect("y");
                    run(format!("{f} m={m} {kernel:?}"), &g, x, m, y);
                }
                if f.starts_with("int8") {
                    for kernel in [QuantizedKernel::Auto, QuantizedKernel::Plain] {
                        let mut g = Graph::new();
                        let x = g.input("x", &[m, k]).expect("x");
                        let qt = g.quantized(&q).expect("q");
                        let y = g.quantized_matmul_with(x, &qt, None, Activations::Int8, kernel).expect("y");
                        run(format!("{f} m={m} int8 rows {kernel:?}"), &g, x, m, y);
                    }
                }
            }
        }
    }
}
