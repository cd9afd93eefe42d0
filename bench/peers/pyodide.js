// Reads one line for each run and answers with one line: what the script printed, as JSON text.
const { loadPyodide } = require(process.argv[2]);

async function serve() {
  let printed = "";
  const python = await loadPyodide({ stdout: (line) => { printed += line + "\n"; } });
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    printed = "";
    python.runPython(JSON.parse(line));
    process.stdout.write(JSON.stringify(printed) + "\n");
  }
}

serve();
