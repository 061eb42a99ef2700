export * from "sport:host/artifacts@0.1.0";
