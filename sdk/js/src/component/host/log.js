export * from "sport:host/log@0.1.0";
