// Attributes as OTLP/JSON and protobufjs have them.

export const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
export const whole = (key: string, intValue: number) => ({ key, value: { intValue: String(intValue) } });
