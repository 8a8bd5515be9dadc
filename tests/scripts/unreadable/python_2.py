import argparse
print "hello"
