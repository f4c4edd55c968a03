// Fits Orthanc Explorer to its gate: what nobody may do here is gone, what the sidecar does in its place is linked.
// Comfort only: the gate refuses these requests whatever a page offers. jQuery 1.7 and jQuery Mobile 1.1 are Explorer's.
(function ($) {
  'use strict';

  // /explorer/own/app/explorer.html or /explorer/<reading context>/app/explorer.html
  var root = (window.location.pathname.match(/^\/explorer\/([^/]+)\//) || [])[1];
  var ICONS = { download: 'arrow-d', send: 'forward', delete: 'delete' };
  var GONE_PAGES = '#upload, #plugins, #query-retrieve, #query-retrieve-2, #query-retrieve-3, #query-retrieve-4, #jobs, #job';
  var GONE_LINKS = GONE_PAGES.split(', ').map(function (page) { return 'a[href="' + page + '"]'; }).join(', ');
  var GONE_BUTTONS = '#study-archive, #study-media, #study-archive-link, #series-archive, #series-media, #series-archive-link,' +
    ' #instance-download-link';
  var verbs = [];

  // What this person's role may do is the sidecar's to say; without an answer nothing is offered.
  if (root) {
    $.ajax({
      url: '/archive/by-orthanc-id/' + root + '/verbs',
      dataType: 'json',
      async: false,
      success: function (answer) { verbs = answer.verbs; },
    });
  }

  function link(offer) {
    return $('<li>').attr('data-icon', ICONS[offer.verb] || 'gear').append(
      $('<a>').attr({ href: '#', 'data-verb': offer.verb }).addClass('rr-verb').text(offer.label));
  }

  function divider(page, title) {
    return page.find('li[data-role="list-divider"]').filter(function () { return $(this).text() === title; });
  }

  function fit(page) {
    page.find(GONE_LINKS).remove();
    divider(page, 'Interact').closest('ul').remove();
    page.find(GONE_BUTTONS).closest('li').remove();
    page.find('#patient-access, #lookup-study-labels-div').remove();
    page.find('#protection').closest('.switch-container').remove();
    $.each(verbs, function (_, offer) { page.find('#study-access').append(link(offer)); });
    if (!verbs.length) { page.find('#study-access').remove(); }
    page.find('[data-role="header"] .ui-btn-right').empty().append(
      $('<a>').attr({ href: '/', 'data-icon': 'home', 'data-role': 'button', 'data-ajax': 'false' }).text('Reading Room'));
  }

  $.mobile.defaultPageTransition = 'none';
  // On a phone one column under the other; the buttons need the place of the title.
  $('head').append('<style>@media (max-width: 44em) { .ui-header .ui-title { visibility: hidden; }' +
    ' .ui-content .ui-grid-a > div { float: none; width: 100% !important; } }</style>');

  // Nothing is attached here but what Orthanc keeps for itself, and nobody protects patients: not asked for at all.
  window.SetupAttachments = function () {};
  $.ajaxPrefilter(function (options, _original, request) {
    if (/\/patients\/[^/]+\/protected$/.test(options.url.split('?')[0])) { request.abort(); }
  });

  // Before jQuery Mobile dresses the pages up, which it does once the document is ready: nothing shows that is gone.
  document.addEventListener('readystatechange', function () {
    if (document.readyState !== 'interactive') { return; }
    $(GONE_PAGES).remove();
    $('#template-insecure').empty();
    $('div[data-role="page"]').each(function () { fit($(this)); });
  });

  $('.rr-verb').live('click', function (event) {
    event.preventDefault();
    window.top.location.href =
      '/archive/by-orthanc-id/' + root + '/' + $.mobile.pageData.uuid + '/' + $(this).attr('data-verb');
  });
}(window.jQuery));
