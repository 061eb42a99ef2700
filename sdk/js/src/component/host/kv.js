export * from "sport:host/kv@0.1.0";
