export * from "sport:host/chat@0.1.0";
