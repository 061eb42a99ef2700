export * from "sport:host/tools@0.1.0";
