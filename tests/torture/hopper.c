/* A pid hopper: "hopper FOLDER MICROSECONDS [ends]". Its child forks, and its parent exits, for nine seconds or until
   somebody writes "stop" into FOLDER; the main process sleeps, or exits with 7 after 0.2 s. As in rogue.py, each
   process registers itself as pid-start in FOLDER and carries an alarm of its own. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *folder;

static void touch(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    if (fd < 0)
        _exit(1); /* the folder is gone: so is the test */
    close(fd);
}

static void register_me(void)
{
    char text[1024], name[64];
    alarm(60);
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = 0;
    char *field = strrchr(text, ')');
    for (int at = 2; field && at < 22; at++)
        field = strchr(field + 1, ' ');
    snprintf(name, sizeof name, "%d-%ld", (int)getpid(), field ? atol(field) : 0);
    touch(name);
}

static void hop(useconds_t pause)
{
    char stop[4096];
    snprintf(stop, sizeof stop, "%s/stop", folder);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    time_t end = time(NULL) + 9;
    while (time(NULL) < end && access(stop, F_OK)) {
        if (fork())
            _exit(0);
        register_me();
        setsid();
        if (pause)
            usleep(pause);
    }
    _exit(0);
}

int main(int count, char **arguments)
{
    folder = arguments[1];
    register_me();
    if (!fork())
        hop((useconds_t)atoi(arguments[2]));
    touch("ready");
    if (count > 3) {
        usleep(200000);
        return 7;
    }
    for (;;)
        pause();
}
