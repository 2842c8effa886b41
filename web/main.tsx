import { render } from 'preact';
import { listenToImages } from './incoming.js';
import { Page } from './page.js';
import { listenToKeys } from './shortcuts.js';
import { connect } from './state/service.js';

const root = document.getElementById('page');
if (root) render(<Page />, root);
listenToKeys();
listenToImages();
void connect();
