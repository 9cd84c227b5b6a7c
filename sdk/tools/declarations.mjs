// Makes one declaration file of those that tsc wrote: `node declarations.mjs DIRECTORY > streamcat.d.ts`. Only what index.d.ts exports
// is exported; a declaration that is needed and not exported comes along without being visible.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.argv[2];
const exported = [];
const modules = [];

for (const match of readFileSync(join(directory, 'index.d.ts'), 'utf8').matchAll(/export (type )?\{([^}]*)\} from '\.\/(.*?)\.js'/g)) {
  for (const name of match[2].split(',')) exported.push(name.trim());
  visit(match[3]);
}

function visit(module) {
  if (modules.some(({ name }) => name === module)) return;
  const entry = { name: module, text: '' };
  modules.push(entry);
  const text = readFileSync(join(directory, `${module}.d.ts`), 'utf8');
  // What a module imports for types that were stripped as internal is not needed: only follow the names it still uses.
  entry.text = text.replace(/^import .*?\{([^}]*)\} from '\.\/(.*?)\.js';\n/gm, (_, names, from) => {
    const body = text.replace(/^import .*$/gm, '');
    if (names.split(',').some((name) => new RegExp(`\\b${name.trim()}\\b`).test(body))) visit(from);
    return '';
  });
}

const declarations = modules.map(({ text }) =>
  text
    .replace(/^export \{\};\n/gm, '')
    .replace(/^export (declare|interface|type|abstract)/gm, '$1')
    .replace(/^(interface|type) /gm, '$1 ')
    .trim(),
);
process.stdout.write(`// The public interface of the StreamCat SDK. Generated; the source is sdk/src.\n\n`);
process.stdout.write(declarations.filter((text) => text !== '').join('\n\n'));
process.stdout.write(`\n\nexport { ${exported.sort().join(', ')} };\n`);
