import { render } from 'preact';
import { Page } from './page.js';
import { listenToKeys } from './shortcuts.js';
import { listenToImages } from './state/incoming.js';
import { connect } from './state/service.js';

const root = document.getElementById('page');
if (root) render(<Page />, root);
listenToKeys();
listenToImages();
void connect();
