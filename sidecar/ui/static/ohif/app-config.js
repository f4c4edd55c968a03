/* OHIF's configuration. Each reading context has a DICOMweb root of its own; the page that frames us names it in ?ctx=. */
(function () {
  'use strict';

  const context = new URLSearchParams(window.location.search).get('ctx') || '';
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(context)) {
    throw new Error('The viewer is opened from a study: its address lacks the reading context.');
  }
  const root = '/dicom-web/' + context;

  window.config = {
    name: 'readingroom',
    routerBasename: '/ohif',
    extensions: [window.readingRoomBridge],
    modes: [],
    // One column of thumbnails: the priors' strip is the page's own, and the image should get the room.
    modesConfiguration: {
      '@ohif/mode-longitudinal': { routes: { 0: { layoutInstance: { props: { leftPanelInitialExpandedWidth: { $set: 152 } } } } } },
    },
    whiteLabeling: { createLogoComponentFn: React => React.createElement('span', { className: 'sr-only' }, 'OHIF Viewer') },
    customizationService: { global: { 'ohif.tours': { $set: [] } } },
    showStudyList: false,
    investigationalUseDialog: { option: 'never' },
    // The other modes ask before a series is measured, and a reader measures all day.
    measurementTrackingMode: 'simplified',
    disableConfirmationPrompts: true,
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: false,
    showLoadingIndicator: true,
    showErrorDetails: 'dev',
    strictZSpacingForVolumeViewport: true,
    maxNumberOfWebWorkers: 3,
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    // Only this data source: those that take their address from ?url= leak tokens (CVE-2026-12473).
    defaultDataSourceName: 'readingroom',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'readingroom',
        configuration: {
          friendlyName: 'Reading Room',
          name: 'readingroom',
          qidoRoot: root,
          wadoRoot: root,
          imageRendering: 'wadors',
          thumbnailRendering: 'rendered',
          thumbnailRequestStrategy: 'fetch',
          enableStudyLazyLoad: true,
          supportsWildcard: true,
          supportsFuzzyMatching: false,
          omitQuotationForMultipartRequest: true,
          bulkDataURI: { enabled: true },
          dicomUploadEnabled: false,
        },
      },
    ],
    httpErrorHandler: function (error) {
      window.readingRoomBridge.tell('problem', { status: error.status || 0 });
    },
  };
})();
