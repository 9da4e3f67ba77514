//! What no case can say of quantised weights: straight-through gradients, equal bits, and that a wrong code is seen.

use engine::{
    Device, Graph, HostTensor, Program, Result, Store, Tensor, check,
    ops::{Activations, Make, QuantizedKernel, Tolerance},
    quant::{self, Format},
    wait,
};

fn devices() -> [Device; 3] {
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    [Device::oracle(), Device::cpu(), gpu]
}

fn run(device: &Device, g: &Graph, inputs: &[(Tensor, HostTensor)], fetch: &[Tensor]) -> Vec<HostTensor> {
    let mut program = wait(Program::compile(device, g, fetch, &Store::new(device))).expect("it compiles");
    for (t, value) in inputs {
        program.write(*t, value).expect("a fitting input");
    }
    wait(program.run_and_read(fetch)).expect("it runs")
}

/// The gradient of a weighted sum of `fake_quantize(w)` is the weights, where a level was near, and 0 where a weight was
/// clamped: beyond one step and a half for ternary.
#[test]
fn gradients_pass_straight_through() {
    let shape = [64, 5];
    let (w, weights) = (Make::new(31).normal(&shape), Make::new(32).normal(&shape));
    for text in ["int4/group32", "uint2/channel", "nf4/tensor", "ternary/tensor", "int1/channel"] {
        let format: Format = text.parse().expect("a format");
        let mut g = Graph::new();
        let t = g.input("w", &shape).expect("an input");
        let y = g.fake_quantize(t, format).expect("it fits");
        let scale = g.constant(weights.clone()).expect("a constant");
        let weighted = g.mul(y, scale).expect("one shape");
        let loss = g.sum_all(weighted).expect("a sum");
        let dw = g.gradients(loss, &[t]).expect("a gradient")[0];
        for device in devices() {
            let out = run(&device, &g, &[(t, w.clone())], &[dw]);
            let step = w.as_f32().expect("floats").iter().map(|w| w.abs()).sum::<f32>() / 320.0;
            let mut clamped = 0;
            for ((dw, weight), w) in out[0]
                .as_f32()
                .expect("floats")
                .iter()
                .zip(weights.as_f32().expect("floats"))
                .zip(w.as_f32().expect("floats"))
            {
                assert!(dw == weight || *dw == 0.0, "{text} on {}", device.name());
                clamped += usize::from(*dw == 0.0);
                if text == "ternary/tensor" && (w.abs() - 1.5 * step).abs() > 1e-4 {
                    assert_eq!(*dw == 0.0, w.abs() > 1.5 * step, "{w} by steps of {step}");
                }
            }
            let means = text.starts_with("ternary") || text.starts_with("int1");
            assert_eq!(clamped > 0, means, "{text} on {}: {clamped} clamped", device.name());
        }
    }
}

/// Codes made on the GPU and on the CPU are the host's, bit by bit, on numbers that a division decides differently on some
/// adapters: ties, and their neighbours one rounding away.
#[test]
fn ties_and_their_neighbours_round_alike() {
    let mut values = vec![7.0f32];
    for i in -140..=140 {
        let tie = i as f32 / 20.0;
        values.extend([tie, f32::from_bits(tie.to_bits() + 1), f32::from_bits(tie.to_bits().saturating_sub(1))]);
    }
    values.retain(|v| v.abs() <= 7.0);
    for scale in [1.0f32, 0.3, 1e-3, 77.7] {
        let w: Vec<f32> = values.iter().map(|v| v * scale).collect();
        let shape = [w.len(), 1];
        for text in ["int4/channel", "int8/channel", "uint3/group64", "nf4/channel", "ternary/tensor"] {
            let format: Format = text.parse().expect("a format");
            let host = quant::quantize(&w, shape, format).expect("it fits");
            let mut g = Graph::new();
            let t = g.input("w", &shape).expect("an input");
            let q = g.quantize(t, format).expect("it fits");
            for device in devices() {
                let input = HostTensor::f32(&shape, w.clone()).expect("it fits");
                let out = run(&device, &g, &[(t, input)], &[q.packed, q.steps]);
                assert_eq!(out[0].as_u32().expect("integers"), host.packed, "{text} on {}", device.name());
                assert_eq!(out[1].as_f32().expect("floats"), host.scales, "{text} on {}", device.name());
            }
        }
    }
}

#[test]
fn a_wrong_code_is_seen() -> Result<()> {
    // Sabotage: one bit of one word turned over.
    let format: Format = "int4/group32".parse()?;
    let w = Make::new(33).normal(&[64, 8]);
    let right = quant::quantize(w.as_f32()?, [64, 8], format)?;
    let mut wrong = right.clone();
    wrong.packed[17] ^= 1 << 9;
    let x = Make::new(34).normal(&[2, 64]);
    let product = |q: &quant::Quantized| -> Result<HostTensor> {
        let mut g = Graph::new();
        let t = g.input("x", &[2, 64])?;
        let q = g.quantized(q)?;
        let y = g.quantized_matmul(t, &q, None)?;
        Ok(run(&Device::cpu(), &g, &[(t, x.clone())], &[y]).remove(0))
    };
    assert_eq!(check::compare(&product(&wrong)?, &product(&right)?, Tolerance::SUM).wrong, 2);
    Ok(())
}

/// 8-bit activations are an approximation, by half a step of 1/127 an input; and integers are refused gradients.
#[test]
fn eight_bit_rows_are_close_and_codes_have_no_gradient() -> Result<()> {
    let format: Format = "int8/channel".parse()?;
    let w = Make::new(35).normal(&[256, 16]);
    let q = quant::quantize(w.as_f32()?, [256, 16], format)?;
    let x = Make::new(36).normal(&[4, 256]);
    let mut g = Graph::new();
    let t = g.input("x", &[4, 256])?;
    let constant = g.quantized(&q)?;
    let plain = g.quantized_matmul(t, &constant, None)?;
    let bytes = g.quantized_matmul_with(t, &constant, None, Activations::Int8, QuantizedKernel::Auto)?;
    for device in devices() {
        let out = run(&device, &g, &[(t, x.clone())], &[plain, bytes]);
        // The sum of 256 errors of at most 0.5 * 4 / 127 a term, in random directions, against sums of deviation 16.
        let close = Tolerance { name: "8-bit rows", absolute: 0.8, relative: 0.0 };
        assert_eq!(check::compare(&out[1], &out[0], close).wrong, 0, "on {}", device.name());
        assert!(check::compare(&out[1], &out[0], Tolerance::SUM).wrong > 0, "nothing was rounded");
    }
    let loss = g.sum_all(plain)?;
    let error = g.gradients(loss, &[constant.steps]).expect_err("no gradient").to_string();
    assert!(error.contains("fake_quantize"), "{error}");
    let four = g.quantized(&quant::quantize(w.as_f32()?, [256, 16], "int4/channel".parse()?)?)?;
    let error = g.quantized_matmul_with(t, &four, None, Activations::Int8, QuantizedKernel::Auto).expect_err("int4");
    assert!(error.to_string().contains("int8 weights"), "{error}");
    let narrow = g.input("narrow", &[4, 255])?;
    let error = g.quantized_matmul(narrow, &four, None).expect_err("255 inputs").to_string();
    assert!(error.contains("quantized_matmul") && error.contains("255"), "{error}");
    Ok(())
}
