//! Lets the library find libtorch where it was built: the loader is told LIBTORCH's `lib` folder, so neither
//! `sport` nor a person needs LD_LIBRARY_PATH.
//!
//! RPATH rather than RUNPATH, because libtorch_cpu's own dependencies (libcudart, libcupti) may lie beside it.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_LIB");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = std::env::var("LIBTORCH_LIB").or_else(|_| std::env::var("LIBTORCH"));
    if let Ok(folder) = folder {
        println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}/lib");
    }
}
