use serde_json::json; use sport_sandbox::*; use std::path::Path; use std::time::Instant;
#[test] fn t() {
    let aot = std::env::temp_dir().join("s1aot");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    for _ in 0..3 {
    let t=Instant::now(); let sb = Sandbox::new(SandboxOptions { aot_dir: aot.clone() }).unwrap(); println!("new {:?}", t.elapsed());
    let t=Instant::now(); let img = sb.tool(&root.join("image.wasm"), &Grants::new(["artifacts"]).unwrap()).unwrap(); println!("image {:?}", t.elapsed()); drop(img);
    let t=Instant::now(); let c = sb.tool(&root.join("calculator.wasm"), &Grants::none()).unwrap(); println!("calc {:?}", t.elapsed());
    let store = ArtifactStore::new_in_memory(); let mut st = PluginState::new();
    let mut v: Vec<_> = (0..3000).map(|_| { let t=Instant::now(); let b = Budget::new(Limits::tool()); c.call("calculate", &json!({"expression":"2+3*4"}), &store, &mut st, &b).unwrap(); t.elapsed() }).collect();
    v.sort(); println!("call p50 {:?} p99 {:?}", v[1500], v[2970]);
    }
}
