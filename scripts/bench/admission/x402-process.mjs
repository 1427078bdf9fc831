/** Two Express routes that answer at once: one behind the x402 middleware, one free. */
import { openShop } from '../gateway/x402-shop.mjs';

const { express, middleware, configs, balance } = await openShop('/paid');
const app = express();
app.use(middleware);
app.use(express.json());
const answer = (_request, response) => response.json({ content: 'yes' });
app.post('/paid', answer);
app.post('/free', answer);
const server = app.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url, configs, balance }));
});
