// Fits Orthanc Explorer to its gate: what nobody may do here is gone, what the sidecar does in its place is linked.
// Comfort only: the gate refuses these requests whatever a page offers. jQuery 1.7 and jQuery Mobile 1.1 are Explorer's.
(function ($) {
  'use strict';

  // /explorer/own/app/explorer.html or /explorer/<reading context>/app/explorer.html
  var root = (window.location.pathname.match(/^\/explorer\/([^/]+)\//) || [])[1];
  var ICONS = { download: 'arrow-d', send: 'forward', delete: 'delete' };
  var GONE_PAGES = '#upload, #plugins, #query-retrieve, #query-retrieve-2, #query-retrieve-3, #query-retrieve-4, #jobs, #job';
  var GONE_LINKS = GONE_PAGES.split(', ').map(function (page) { return 'a[href="' + page + '"]'; }).join(', ');
  var GONE_BUTTONS = ['patient', 'study', 'series', 'instance'].map(function (level) {
    return ['delete', 'store', 'anonymize', 'archive', 'media', 'archive-link', 'download-link'].map(function (what) {
      return '#' + level + '-' + what;
    }).join(', ');
  }).join(', ');
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

  // A list with nothing left but its title says nothing.
  function tidy(page) {
    page.find('ul[data-role="listview"]').has('> li[data-role="list-divider"]').each(function () {
      var list = $(this);
      if (!list.attr('id') && list.children().length === 1 || list.is('#patient-access')) { list.remove(); }
    });
  }

  function fit(page) {
    page.find(GONE_LINKS).remove();
    page.find(GONE_BUTTONS).closest('li').remove();
    page.find('#protection').closest('.switch-container').remove();
    page.find('#lookup-study-labels-div').remove();
    page.find('.warning-insecure').remove();
    if (page.is('#study')) {
      var list = page.find('ul').has('> li[data-role="list-divider"]:contains("Interact")').first();
      $.each(verbs, function (_, offer) { list.append(link(offer)); });
    }
    tidy(page);
    page.find('[data-role="header"] .ui-btn-right').empty().append(
      $('<a>').attr({ href: '/', 'data-icon': 'home', 'data-role': 'button', 'data-ajax': 'false' }).text('Reading Room'));
  }

  // Before jQuery Mobile dresses a page up, so that it never shows what is gone.
  $('div[data-role="page"]').live('pagebeforecreate', function () { fit($(this)); });
  $(document).ready(function () {
    $(GONE_PAGES).remove();
    $('div[data-role="page"]').each(function () { fit($(this)); });
  });

  $('.rr-verb').live('click', function (event) {
    event.preventDefault();
    window.top.location.href =
      '/archive/by-orthanc-id/' + root + '/' + $.mobile.pageData.uuid + '/' + $(this).attr('data-verb');
  });
}(window.jQuery));
