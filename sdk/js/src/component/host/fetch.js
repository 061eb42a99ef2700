export * from "sport:host/fetch@0.1.0";
