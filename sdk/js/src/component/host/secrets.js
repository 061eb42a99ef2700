export * from "sport:host/secrets@0.1.0";
