"""Django in one file: settings, two views, and the WSGI application."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY="an example has no secrets",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    USE_TZ=True,
)


def index(request):
    """A page."""
    return HttpResponse("hello from django\n", content_type="text/plain")


def seen(request):
    """What Django makes of the request."""
    return JsonResponse({"method": request.method, "path": request.path, "body_bytes": len(request.body)})


urlpatterns = [path("", index), path("seen", seen)]
app = get_wsgi_application()
