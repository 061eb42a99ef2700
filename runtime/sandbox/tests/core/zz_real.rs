use serde_json::json;
use sport_sandbox::*;
use std::path::Path;
#[test]
fn real() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxOptions { aot_dir: dir.path().join("aot") }).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let store = ArtifactStore::new_in_memory();
    let mut tools = vec![];
    for (name, grants) in [("image", vec!["artifacts"]), ("calculator", vec![])] {
        println!("{}", serde_json::to_string(&inspect(&root.join(format!("{name}.wasm"))).unwrap()).unwrap());
        let started = std::time::Instant::now();
        let tool = sandbox.tool(&root.join(format!("{name}.wasm")), &Grants::new(grants).unwrap()).unwrap();
        println!("{name} loaded in {:?}: {:#?}", started.elapsed(), tool.descriptors());
        tools.push(tool);
    }
    let started = std::time::Instant::now();
    let v = sandbox.verifier(&root.join("execution-facts.wasm"), &Grants::none()).unwrap();
    println!("{:?} {:?}", started.elapsed(), v.descriptor().name);
    println!("{:?}", inspect(&root.join("python.wasm")).map(|i| (i.kind, i.contract, i.imports.len(), i.size)));
    let toolbox = Toolbox::new(tools, store.clone()).unwrap();
    let mut files = vec![];
    for f in std::env::var("PHOTOS").unwrap().split(' ') {
        files.push(TaskFile { name: Path::new(f).file_name().unwrap().to_str().unwrap().to_owned(), path: f.into() });
    }
    let mut branch = Branch { files: FileView::new(&files).unwrap(), state: PluginState::new() };
    for f in &files {
        for (tool, args) in [
            ("image_info", json!({"image": f.name})),
            ("mean_color", json!({"image": f.name})),
            ("mean_color", json!({"image": f.name, "box": [0, 0, 10, 10]})),
            ("crop_image", json!({"image": f.name, "box": [0, 0, 100, 100]})),
            ("resize_image", json!({"image": f.name, "width": 64, "height": 64})),
            ("resize_image", json!({"image": f.name, "width": 3000, "height": 2000})),
            ("calculate", json!({"expression": "2+3*4"})),
            ("calculate", json!({"expression": "2+"})),
            ("calculate", json!({"x": 1})),
        ] {
            let budget = Budget::new(Limits::interpreter());
            let started = std::time::Instant::now();
            let mut host = &toolbox;
            let out = host.invoke(tool, &args, &mut branch, &budget);
            println!("{tool} {} {:?} -> {:?} {:?}", f.name, started.elapsed(), out.map(|o| (o.structured, o.content.len())), budget.usage());
        }
    }
}
