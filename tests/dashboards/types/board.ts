// What Grafana's own types say of a dashboard, for JSON: that holds the values of enumerations, not their names.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? `${T}` extends `${infer N extends number}`
        ? N
        : number
      : T extends (infer U)[]
        ? Json<U>[]
        : T extends object
          ? { [K in keyof T]: Json<T[K]> }
          : T;

type Several<T> = NonNullable<T> extends { list?: (infer U)[] } ? U : never;
type Annotation<D extends { annotations?: unknown }> = Several<D["annotations"]>;
type Variable<D extends { templating?: unknown }> = Several<D["templating"]>;

// Two things are left to data sources: what an annotation asks, and how a variable's query is shown.
type Asked = { query: string; textColumn: string; tagsColumn: string; timeEndColumn?: string };
type Open<D extends { annotations?: unknown; templating?: unknown }> = Omit<D, "annotations" | "templating"> & {
  annotations: { list: (Omit<Annotation<D>, "target"> & Asked & { target: Asked & Record<string, unknown> })[] };
  templating: { list: (Variable<D> & { definition?: string })[] };
};

export type Board<D extends { annotations?: unknown; templating?: unknown }> = Open<Json<D>>;
