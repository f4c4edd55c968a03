/*
 * The bridge between OHIF and the page that frames it, as an OHIF extension.
 *
 * Every message is { source: 'readingroom-viewer' | 'readingroom-page', type, … }, sent to and accepted from our own
 * origin only, and only between this window and its parent.
 * To the page:   viewer-ready · first-image · measurement {change, measurement} · shortcut {key} · problem {status | text}
 * To the viewer: jump {uid, SOPInstanceUID, SeriesInstanceUID} · delete-measurement {uid} · compare {StudyInstanceUID} ·
 *                single · measurements (asks for all of them again)
 */
(function () {
  'use strict';

  const SETTLE_MS = 200; // a drag updates a measurement at every move of the mouse
  const LOAD_MS = 20000;
  let services, commands, extensions;
  let unsubscribe = [];
  const pending = new Map(); // uid → timer
  const told = new Map(); // uid → the description last told, as JSON

  function tell(type, content) {
    if (window.parent !== window) {
      window.parent.postMessage({ source: 'readingroom-viewer', type, ...content }, window.location.origin);
    }
  }

  /* ---- measurements ---- */

  function instanceOf(measurement) {
    const set = services.displaySetService.getDisplaySetByUID(measurement.displaySetInstanceUID);
    const all = (set && (set.instances || set.images)) || [];
    const found = all.find(i => i.SOPInstanceUID === measurement.SOPInstanceUID);
    return { set: set || {}, instance: found || {} };
  }

  function lines(measurement) {
    const text = measurement.displayText || [];
    return (Array.isArray(text) ? text : text.primary || []).flat().map(String);
  }

  /* What a reader would dictate: "12.3 mm", "Long axis 12.3 mm, short axis 8.1 mm". */
  function spoken(measurement) {
    const found = lines(measurement).filter(Boolean);
    if (measurement.toolName === 'Bidirectional') {
      return found.map(t => t.replace(/^L: /, 'Long axis ').replace(/^W: /, 'short axis ')).join(', ');
    }
    return found.join(', ');
  }

  function describe(measurement) {
    const { set, instance } = instanceOf(measurement);
    const position = instance.ImagePositionPatient;
    return {
      uid: measurement.uid,
      tool: measurement.toolName,
      label: measurement.label || '',
      text: spoken(measurement),
      StudyInstanceUID: measurement.referenceStudyUID,
      SeriesInstanceUID: measurement.referenceSeriesUID,
      SOPInstanceUID: measurement.SOPInstanceUID,
      frame: measurement.frameNumber || 1,
      Modality: set.Modality || '',
      SeriesNumber: set.SeriesNumber === undefined ? '' : String(set.SeriesNumber),
      SeriesDescription: set.SeriesDescription || '',
      InstanceNumber: instance.InstanceNumber === undefined ? '' : String(instance.InstanceNumber),
      position: position ? Array.from(position, Number) : null,
    };
  }

  /* OHIF reports an update before the addition, and again when a measurement is merely selected: only news is told. */
  function tellMeasurement(measurement) {
    const description = describe(measurement);
    const content = JSON.stringify(description);
    if (told.get(measurement.uid) !== content) {
      tell('measurement', { change: told.has(measurement.uid) ? 'updated' : 'added', measurement: description });
      told.set(measurement.uid, content);
    }
  }

  function tellLater({ measurement: { uid } }) {
    window.clearTimeout(pending.get(uid));
    const look = () => {
      pending.delete(uid);
      const latest = services.measurementService.getMeasurement(uid);
      if (latest) {
        tellMeasurement(latest);
      }
    };
    pending.set(uid, window.setTimeout(look, SETTLE_MS));
  }

  function tellRemoved(uid) {
    window.clearTimeout(pending.get(uid));
    pending.delete(uid);
    if (told.delete(uid)) {
      tell('measurement', { change: 'removed', measurement: { uid } });
    }
  }

  function tellAgain() {
    told.clear();
    services.measurementService.getMeasurements().forEach(tellMeasurement);
  }

  function watchMeasurements() {
    const { measurementService } = services;
    const { MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED, MEASUREMENTS_CLEARED } = measurementService.EVENTS;
    const on = (event, react) => unsubscribe.push(measurementService.subscribe(event, react).unsubscribe);
    on(MEASUREMENT_ADDED, tellLater);
    on(MEASUREMENT_UPDATED, tellLater);
    on(MEASUREMENT_REMOVED, ({ measurement }) => tellRemoved(measurement.uid || measurement));
    on(MEASUREMENTS_CLEARED, ({ measurements }) => measurements.forEach(m => tellRemoved(m.uid)));
  }

  /* ---- what the page may ask ---- */

  function activeViewport() {
    return services.viewportGridService.getActiveViewportId();
  }

  function show(displaySetInstanceUID, viewportId) {
    const wanted = services.hangingProtocolService.getViewportsRequireUpdate(viewportId, displaySetInstanceUID);
    services.viewportGridService.setDisplaySetsForViewports(wanted);
  }

  function jumpToImage({ SOPInstanceUID, SeriesInstanceUID }) {
    const set = services.displaySetService.getDisplaySetForSOPInstanceUID(SOPInstanceUID, SeriesInstanceUID);
    if (!set) {
      tell('problem', { text: 'That image is not loaded in this viewer.' });
      return;
    }
    const index = (set.instances || []).findIndex(i => i.SOPInstanceUID === SOPInstanceUID);
    const shown = services.viewportGridService.getDisplaySetsUIDsForViewport(activeViewport()) || [];
    if (!shown.includes(set.displaySetInstanceUID)) {
      show(set.displaySetInstanceUID, activeViewport());
    }
    whenShown(set, () => commands.runCommand('jumpToImage', { imageIndex: Math.max(index, 0) }));
  }

  function whenShown(set, then, left = 40) {
    const viewport = services.cornerstoneViewportService.getCornerstoneViewport(activeViewport());
    const ids = viewport && viewport.getImageIds ? viewport.getImageIds() : [];
    if (ids.length && String(ids[0]).includes(set.SeriesInstanceUID)) {
      then();
    } else if (left > 0) {
      window.setTimeout(whenShown, 100, set, then, left - 1);
    }
  }

  function jump(message) {
    if (message.uid && services.measurementService.getMeasurement(message.uid)) {
      commands.runCommand('jumpToMeasurement', { uid: message.uid });
    } else if (message.SOPInstanceUID) {
      jumpToImage(message);
    }
  }

  /* Hang the other study's most similar series right of the current one. */
  async function compare({ StudyInstanceUID }) {
    const [source] = extensions.getActiveDataSource();
    if (!setsOf(StudyInstanceUID).length) {
      await source.retrieve.series.metadata({ StudyInstanceUID, madeInClient: true });
    }
    const sets = await loadedSetsOf(StudyInstanceUID);
    const state = services.viewportGridService.getState();
    const current = services.displaySetService.getDisplaySetByUID(state.viewports.get(state.activeViewportId).displaySetInstanceUIDs[0]);
    const similar = set =>
      (set.Modality === current.Modality ? 1e6 : 0) +
      (set.SeriesDescription === current.SeriesDescription ? 1e5 : 0) + (set.numImageFrames || 0);
    const best = sets.sort((a, b) => similar(b) - similar(a))[0];
    commands.runCommand('setViewportGridLayout', { numRows: 1, numCols: 2 });
    await untilGridHas(2);
    const second = Array.from(services.viewportGridService.getState().viewports.keys())[1];
    show(best.displaySetInstanceUID, second);
  }

  function setsOf(StudyInstanceUID) {
    return services.displaySetService.getActiveDisplaySets().filter(s => s.StudyInstanceUID === StudyInstanceUID && !s.unsupported);
  }

  async function loadedSetsOf(StudyInstanceUID) {
    return until(() => setsOf(StudyInstanceUID), sets => sets.length > 0, 'The other study could not be loaded.');
  }

  async function untilGridHas(count) {
    return until(() => services.viewportGridService.getState().viewports.size, n => n >= count, 'The layout did not change.');
  }

  async function until(look, enough, complaint) {
    const end = Date.now() + LOAD_MS;
    for (;;) {
      const seen = look();
      if (enough(seen)) {
        return seen;
      }
      if (Date.now() > end) {
        throw new Error(complaint);
      }
      await new Promise(resolve => window.setTimeout(resolve, 50));
    }
  }

  const answers = {
    jump,
    compare,
    single: () => commands.runCommand('setViewportGridLayout', { numRows: 1, numCols: 1 }),
    measurements: tellAgain,
    'delete-measurement': ({ uid }) => services.measurementService.remove(uid),
  };

  function listen() {
    window.addEventListener('message', async event => {
      const message = event.data;
      if (event.origin !== window.location.origin || event.source !== window.parent || !message) {
        return;
      }
      if (message.source !== 'readingroom-page' || !Object.hasOwn(answers, message.type)) {
        return;
      }
      try {
        await answers[message.type](message);
      } catch (error) {
        tell('problem', { text: error.message });
      }
    });
  }

  /* ---- readiness and keys ---- */

  function watchFirstImage() {
    let loaded = false;
    const seen = () => (loaded = true);
    const drawn = () => {
      if (loaded) {
        document.removeEventListener('CORNERSTONE_IMAGE_RENDERED', drawn, true);
        document.documentElement.dataset.firstImage = 'drawn';
        tell('first-image', {});
      }
    };
    // Cornerstone's events do not bubble; capturing listeners see them all the same.
    document.addEventListener('CORNERSTONE_STACK_NEW_IMAGE', seen, true);
    document.addEventListener('CORNERSTONE_VOLUME_NEW_IMAGE', seen, true);
    document.addEventListener('CORNERSTONE_IMAGE_RENDERED', drawn, true);
  }

  /* Shortcuts of the page, so that they work while the images have the focus. */
  function shortcutOf(event) {
    const control = event.ctrlKey || event.metaKey;
    const typing = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable="true"]');
    if (control && event.key === 'Enter') return 'save';
    if (control && event.shiftKey && event.key.toLowerCase() === 's') return 'sign';
    if (event.key === 'Escape') return 'escape';
    if (event.key === '?' && !typing) return 'help';
    return null;
  }

  function forwardKeys() {
    window.addEventListener(
      'keydown',
      event => {
        const key = shortcutOf(event);
        if (!key) {
          return;
        }
        // Escape also ends a half-drawn measurement here: the viewer keeps it.
        if (key !== 'escape') {
          event.preventDefault();
          event.stopPropagation();
        }
        tell('shortcut', { key });
      },
      true
    );
  }

  /* The tools cancel a press on the image, and with it the focus: without this the viewer's own keys would stay dead. */
  function takeFocus() {
    window.addEventListener('pointerdown', () => document.hasFocus() || window.focus(), true);
  }

  window.readingRoomBridge = {
    id: 'readingroom.bridge',
    tell,
    preRegistration({ servicesManager, commandsManager, extensionManager }) {
      services = servicesManager.services;
      commands = commandsManager;
      extensions = extensionManager;
      listen();
      forwardKeys();
      takeFocus();
      watchFirstImage();
    },
    onModeEnter() {
      unsubscribe.forEach(stop => stop());
      unsubscribe = [];
      watchMeasurements();
      tell('viewer-ready', {});
    },
  };
})();
