export * from "sport:host/context@0.1.0";
