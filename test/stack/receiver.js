// Answers every request with 204 and prints it as a line of JSON. Runs in a container, where nothing of this project is.
import { createServer } from 'node:http';

createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  console.log(JSON.stringify({ headers: request.headers, body }));
  response.writeHead(204).end();
}).listen(9000);
