import buildSerializers from '@fastify/fast-json-stringify-compiler';
import type { FastifySchema, FastifySchemaCompiler, FastifySerializerCompiler, FastifyServerOptions } from 'fastify';
import { buildValidator } from './validation.ts';

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>;
type Validators = FastifySchemaCompiler<FastifySchema>;
type Serializers = FastifySerializerCompiler<FastifySchema>;

/**
 * What makes functions of the schemas of the routes: what checks a request, and what writes an answer.
 *
 * Each is compiled at its first use: the first response posted to a process takes 45 ms instead of 25. To compile all of them at the start takes 0.1 s and leaves
 * 33 MB of garbage, for which V8 enlarges its young generation for good: the idle server keeps 172 MB instead of 149 (bench/start.ts). With `ahead` that is
 * done all the same, and the start fails when one does not compile.
 */
export function schemaCompilers({ ahead }: { ahead: boolean }): Factories {
  const buildSerializer = buildSerializers() as (...shared: unknown[]) => Serializers;
  // The types of these options know only the framework's own compilers.
  if (ahead) return { buildValidator: buildValidator as never, buildSerializer: buildSerializer as never };
  return {
    buildValidator: lateValidators(buildValidator) as never,
    buildSerializer: lateSerializers(buildSerializer) as never,
  };
}

function lateValidators(build: (shared: unknown) => Validators) {
  return (shared: unknown): Validators => {
    const compiler = once(() => build(shared));
    return (route) => {
      const compiled = once(() => compiler()(route));
      const validate: ReturnType<Validators> = (data) => {
        const valid = compiled()(data);
        validate.errors = compiled().errors ?? null;
        return valid;
      };
      return validate;
    };
  };
}

function lateSerializers(build: (...shared: unknown[]) => Serializers) {
  return (...shared: unknown[]): Serializers => {
    const compiler = once(() => build(...shared));
    return (route) => {
      const compiled = once(() => compiler()(route));
      return (data) => compiled()(data);
    };
  };
}

/** What `make` returned the first time. One that throws is asked again. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
