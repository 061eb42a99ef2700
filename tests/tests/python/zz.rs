use crate::support::*;
use sport_sandbox::*;
struct None_;
impl ToolHost for None_ {
    fn tools(&self) -> Vec<ToolInfo> { vec![] }
    fn invoke(&mut self, _: &str, _: &serde_json::Value, _: &mut Branch, _: &Budget) -> Result<Outcome, Failure> { unreachable!() }
}
#[test]
fn zz() {
    let mut open = vec![]; let mut first = vec![]; let mut warm = vec![];
    for _ in 0..200 {
        let t = std::time::Instant::now();
        let mut s = session();
        open.push(t.elapsed());
        let r = RunRequest { code: "print(1+1)".into(), ..Default::default() };
        let t = std::time::Instant::now();
        s.run(&r, &mut None_, &Budget::new(Limits::interpreter()));
        first.push(t.elapsed());
        for _ in 0..3 { let t = std::time::Instant::now(); s.run(&r, &mut None_, &Budget::new(Limits::interpreter())); warm.push(t.elapsed()); }
    }
    for (n, v) in [("open", &mut open), ("first", &mut first), ("warm", &mut warm)] { v.sort(); println!("{n} p50 {:?} p10 {:?}", v[v.len()/2], v[v.len()/10]); }
}
