//! What an adapter can do, decided once.

/// The capabilities the engine chooses kernels by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The adapter's name as the driver gives it.
    pub adapter: String,
    /// The interface it is reached by.
    pub backend: String,
    /// Whether it is a processor pretending: barriers and workgroup memory are dear there.
    pub software: bool,
    /// 16-bit floats in shaders.
    pub f16: bool,
    /// Subgroup operations, with the smallest and largest subgroup.
    pub subgroups: Option<(u32, u32)>,
    /// Dot products of packed bytes, a language feature of WGSL.
    pub packed_dot: bool,
    /// Times can be measured on the device.
    pub timestamps: bool,
    /// The largest storage buffer a kernel can bind, in bytes.
    pub max_binding_bytes: u64,
}

impl Tier {
    pub(super) fn of(
        info: &wgpu::AdapterInfo,
        features: wgpu::Features,
        language: wgpu::WgslLanguageFeatures,
        limits: &wgpu::Limits,
    ) -> Self {
        let name = if info.name.is_empty() { "unnamed adapter".to_string() } else { info.name.clone() };
        let text = format!("{} {} {}", info.name, info.driver, info.driver_info).to_lowercase();
        let known = ["swiftshader", "llvmpipe", "lavapipe", "softpipe", "software", "basic render"];
        Self {
            adapter: name,
            backend: format!("{:?}", info.backend),
            software: info.device_type == wgpu::DeviceType::Cpu || known.iter().any(|k| text.contains(k)),
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroups: features
                .contains(wgpu::Features::SUBGROUP)
                .then_some((info.subgroup_min_size, info.subgroup_max_size)),
            packed_dot: language.contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            max_binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        }
    }

    /// One word for it.
    pub fn name(&self) -> &'static str {
        match (self.software, self.f16, self.subgroups.is_some()) {
            (true, ..) => "software",
            (false, true, true) => "f16 and subgroups",
            (false, true, false) => "f16",
            (false, false, true) => "subgroups",
            (false, false, false) => "portable",
        }
    }
}
