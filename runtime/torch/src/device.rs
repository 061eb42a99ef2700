//! Where the numbers live and how wide they are. Everything that knows about CUDA is in this file.
//!
//! libtorch's CUDA half is asked for at run time and only when the device says so: a machine without a GPU
//! needs none of its libraries. No GPU was at hand when this was written: neither loading
//! `libtorch_cuda.so` from here nor computing on it has been tried.

use std::sync::OnceLock;

use sport_policy::Error;
use tch::{Cuda, Device, Kind};

/// The CUDA half of libtorch. It registers its kernels when it is loaded, and must be there before the first
/// question about CUDA, whose answer libtorch keeps.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// Finds the device that a config names: `auto`, `cpu` or `cuda:N`.
pub fn choose_device(name: &str) -> Result<Device, Error> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(if load_cuda().is_ok() && Cuda::is_available() { Device::Cuda(0) } else { Device::Cpu }),
        _ => {
            let index = name.strip_prefix("cuda:").and_then(|index| index.parse::<usize>().ok()).ok_or_else(
                || Error::BadRequest(format!("device `{name}` is not known; use `auto`, `cpu` or `cuda:N`")),
            )?;
            load_cuda().map_err(|reason| {
                Error::Backend(format!(
                    "device `{name}` needs {CUDA_LIBRARY}, which cannot be loaded ({reason}); build with LIBTORCH \
                     set to a CUDA libtorch, or use device `cpu`"
                ))
            })?;
            let found = Cuda::device_count();
            if (index as i64) < found {
                Ok(Device::Cuda(index))
            } else {
                Err(Error::Backend(format!("device `{name}` is not there; CUDA sees {found} devices")))
            }
        }
    }
}

/// Loads the CUDA half, once for the process.
fn load_cuda() -> Result<(), String> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    LOADED
        .get_or_init(|| {
            use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
            // SAFETY: libtorch's own initialisers run, as they would had it been linked.
            let library = unsafe { Library::open(Some(CUDA_LIBRARY), RTLD_NOW | RTLD_GLOBAL) };
            // Never unloaded: its kernels are registered for the life of the process.
            library.map(std::mem::forget).map_err(|error| error.to_string())
        })
        .clone()
}

/// The name that [`choose_device`] understands.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// Chooses the number type of the base weights: `auto`, `f32` or `bf16`.
///
/// `auto` takes bf16 only where the processor multiplies it natively. A cpu with AVX-512 but without its bf16
/// instructions was measured at 13–16 GFLOP/s in bf16 against 30–50 in f32.
pub fn choose_kind(name: &str, device: Device) -> Result<Kind, Error> {
    match name {
        "f32" => Ok(Kind::Float),
        "bf16" => Ok(Kind::BFloat16),
        "auto" => Ok(match device {
            Device::Cuda(_) => Kind::BFloat16,
            _ if cpu_multiplies_bf16() => Kind::BFloat16,
            _ => Kind::Float,
        }),
        _ => Err(Error::BadRequest(format!("dtype `{name}` is not known; use `auto`, `f32` or `bf16`"))),
    }
}

/// True where the cpu has bf16 dot products or tiles.
fn cpu_multiplies_bf16() -> bool {
    let Ok(text) = std::fs::read_to_string("/proc/cpuinfo") else { return false };
    let Some(flags) = text.lines().find(|line| line.starts_with("flags")) else { return false };
    flags.split_whitespace().any(|flag| flag == "avx512_bf16" || flag == "amx_bf16")
}

/// Name of a number type, as configs have it.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bf16",
        Kind::Double => "f64",
        _ => "f32",
    }
}

/// Sets libtorch's threads; 0 lets it choose. Holds for the whole process.
pub fn set_threads(threads: u32) {
    if threads > 0 {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }
}
