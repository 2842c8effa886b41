import { Stage } from './canvas/stage.js';
import { HelpDialog } from './dialogs/help-dialog.js';
import { KeyDialog } from './dialogs/key-dialog.js';
import { Notices } from './dialogs/notices.js';
import { DecodingPanel } from './panels/decoding-panel.js';
import { EverythingPanel } from './panels/everything-panel.js';
import { ExportPanel } from './panels/export-panel.js';
import { FindPanel } from './panels/find-panel.js';
import { Header } from './panels/header.js';
import { ImagePanel } from './panels/image-panel.js';
import { ObjectsPanel } from './panels/objects-panel.js';
import { OpenPanel } from './panels/open-panel.js';
import { Toolbar } from './panels/toolbar.js';
import { opening, picture } from './state/picture.js';

export function Page() {
  const begun = picture.value !== undefined || opening.value;
  return (
    <div class="page">
      <Header />
      {begun ? (
        <main class="workplace">
          <section class="canvas" aria-label="Image and tools">
            <Stage />
            <Toolbar />
          </section>
          <div class="panels">
            <ImagePanel />
            <ObjectsPanel />
            <FindPanel />
            <EverythingPanel />
            <ExportPanel />
            <DecodingPanel />
          </div>
        </main>
      ) : (
        <main class="start">
          <OpenPanel />
        </main>
      )}
      <Notices />
      <KeyDialog />
      <HelpDialog />
    </div>
  );
}
